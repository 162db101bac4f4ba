import Basics
public import HTTPServer
import HypersenderAPI

/// The content of the files that the settings name; read at the start, and again at each reload.
public struct Configuration: Sendable {
    /// The accounts to poll; with `--demo` none.
    public var accounts: [AccountSettings] = []
    /// The content of the web configuration file.
    public private(set) var security = WebSecurity()
    /// Settings that work but are probably not meant.
    public private(set) var warnings: [SettingsProblem] = []
    /// The environment variables that accounts of the file have their keys in.
    private(set) var variables: Set<String> = []
    /// A number made of the configuration of all accounts, of other shards too, without their keys.
    ///
    /// It has 48 bits, which a double holds exactly.
    public private(set) var hash: UInt64 = 0

    /// Reads all files, and every API key once, so that a missing one is found now.
    ///
    /// - Parameter now: in seconds since 1970, to tell which certificates are valid.
    /// - Throws: `ConfigurationError` with every mistake in them.
    public init(_ settings: Settings, now: Double) throws(ConfigurationError) {
        var mistakes = ConfigurationError()
        self.init(settings, now: now, &mistakes)
        guard mistakes.problems.isEmpty else { throw mistakes }
    }

    /// Reads all files as far as possible.
    fileprivate init(_ settings: Settings, now: Double, _ mistakes: inout ConfigurationError) {
        let flags = settings.flags
        let diagnostics = Diagnostics(file: flags.accountsFile ?? "")
        readAccounts(settings, diagnostics)
        settings.checkAuthorities(for: accounts, diagnostics)
        (mistakes.accounts, warnings) = (diagnostics.problems, diagnostics.warnings)
        guard let file = flags.webConfigFile else { return }
        do throws(SettingsProblems) {
            let web = try WebFile.read(path: file, now: Int(now))
            security = web.security
            warnings += web.warnings
        } catch {
            mistakes.web = error.problems
        }
        let isPublic = flags.listenAddresses.contains { $0.path == nil && !IPAddress.isLoopback(host: $0.host) }
        if isPublic, !security.users.isEmpty, security.tls == nil {
            let warning = "asks for passwords without TLS: they travel unencrypted; add tls_server_config"
            warnings.append(SettingsProblem(file, warning))
        }
    }

    private mutating func readAccounts(_ settings: Settings, _ diagnostics: Diagnostics) {
        var texts: [String] = []
        switch settings.source {
        case .demo: break
        case .api(let baseURL, let token):
            do {
                _ = try token.read()
            } catch {
                diagnostics.report("token", error.description)
            }
            if let exposure = token.exposure { diagnostics.warn("token", exposure) }
            // A proxy that cannot be used has been reported with the flags.
            let proxy = try? settings.proxies.proxy(for: baseURL)
            let account = AccountSettings(settings.flags, token: token, proxy: proxy, settings.authorities)
            accounts = [account]
            texts = [settings.flags.accountText]
        case .file(let path):
            if let exposure = FileExposure.warning(path, isSecret: false) {
                diagnostics.warn(path, "the file \(exposure)")
            }
            var file = AccountsFile(settings, diagnostics)
            do {
                accounts = file.read(try SmallFile.read(path, limit: YAMLParser.maximumSize))
            } catch {
                diagnostics.report(path, "the file \(error)")
            }
            (variables, texts) = (file.variables, file.texts)
        }
        hash = Self.hash(texts)
    }

    /// Returns the FNV-1a hash of texts in any order.
    static func hash(_ texts: [String]) -> UInt64 {
        let hash = texts.sorted().joined(separator: "\n").fnv1a
        return (hash ^ hash >> 48) & 0xFFFF_FFFF_FFFF
    }
}

/// All mistakes in flags and files; thrown if there is one.
public struct ConfigurationError: Error, Sendable, Equatable {
    /// Those in flags, variables and their combination.
    public internal(set) var flags: [SettingsProblem] = []
    /// Those in the accounts, their keys and their files.
    public var accounts: [SettingsProblem] = []
    /// Those in the web configuration file.
    public var web: [SettingsProblem] = []

    /// Creates an error of these mistakes.
    public init(accounts: [SettingsProblem] = [], web: [SettingsProblem] = []) {
        (self.accounts, self.web) = (accounts, web)
    }

    /// All of them.
    public var problems: [SettingsProblem] { flags + accounts + web }
}

extension Settings {
    /// Reads flags, environment and the files that they name.
    ///
    /// - Parameter now: in seconds since 1970, to tell which certificates are valid.
    /// - Throws: `ConfigurationError` with every mistake there is.
    public static func load(
        _ given: GivenValues, now: Double
    ) throws(ConfigurationError) -> (settings: Settings, configuration: Configuration) {
        let diagnostics = Diagnostics()
        let settings = Settings(given, diagnostics)
        var mistakes = ConfigurationError()
        let configuration = Configuration(settings, now: now, &mistakes)
        // An account may name any variable, as long as the file cannot be read.
        if settings.flags.accountsFile == nil || mistakes.problems.isEmpty {
            given.reportUnknownVariables(besides: configuration.variables, diagnostics)
        }
        mistakes.flags = diagnostics.problems
        guard mistakes.problems.isEmpty else { throw mistakes }
        return (settings, configuration)
    }

    /// Returns the account that the demo polls.
    public func demoAccount(baseURL: String, token: String) throws -> AccountSettings {
        var flags = flags
        flags.baseURL = try BaseURL(baseURL)
        let token = TokenSource.environment(name: "demo", try Secret(token))
        return AccountSettings(flags, token: token, proxy: nil, authorities)
    }

    fileprivate func checkAuthorities(for accounts: [AccountSettings], _ diagnostics: Diagnostics) {
        let areNeeded = accounts.contains { $0.request.baseURL.scheme == "https" }
        guard areNeeded || flags.caFile != nil, !flags.isDemo else { return }
        do throws(Problem) {
            let found = try CertificateAuthorities(system: authorities, file: flags.caFile)
            guard areNeeded else { return }
            for problem in found.problems { diagnostics.warn(problem.place, problem.problem) }
            if found.isEmpty {
                diagnostics.warn(
                    "hypersender.ca-file",
                    "there are no certificate authorities, so that no https connection can be verified: install"
                        + " ca-certificates, or name a PEM file by --hypersender.ca-file or SSL_CERT_FILE")
            }
        } catch {
            diagnostics.report("hypersender.ca-file", error.description)
        }
    }
}
