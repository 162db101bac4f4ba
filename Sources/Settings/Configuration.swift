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
        let diagnostics = Diagnostics(file: settings.flags.accountsFile ?? "")
        let read = settings.accounts(diagnostics)
        (accounts, variables, hash) = (read.accounts, read.variables, Self.hash(read.texts))
        settings.checkAuthorities(for: accounts, diagnostics)
        var error = ConfigurationError(accounts: diagnostics.problems)
        warnings = diagnostics.warnings
        if let file = settings.flags.webConfigFile {
            do throws(SettingsProblems) {
                let web = try WebFile.read(path: file, now: Int(now))
                security = web.security
                warnings += web.warnings
                let isPublic = settings.flags.listenAddresses.contains {
                    $0.path == nil && !IPAddress.isLoopback(host: $0.host)
                }
                if isPublic, !security.users.isEmpty, security.tls == nil {
                    let warning = "asks for passwords without TLS: they travel unencrypted; add tls_server_config"
                    warnings.append(SettingsProblem(file, warning))
                }
            } catch let mistakes {
                error.web = mistakes.problems
            }
        }
        guard error.problems.isEmpty else { throw error }
    }

    /// Returns the FNV-1a hash of texts in any order.
    static func hash(_ texts: [String]) -> UInt64 {
        let hash = texts.sorted().joined(separator: "\n").fnv1a
        return (hash ^ hash >> 48) & 0xFFFF_FFFF_FFFF
    }
}

/// All mistakes in flags and files, at least one.
public struct ConfigurationError: Error, Sendable, Equatable {
    /// Those in flags, variables and their combination.
    public private(set) var flags: [SettingsProblem] = []
    /// Those in the accounts, their keys and their files.
    public var accounts: [SettingsProblem] = []
    /// Those in the web configuration file.
    public var web: [SettingsProblem] = []

    /// Creates an error; without mistakes it must not be thrown.
    public init(flags: [SettingsProblem] = [], accounts: [SettingsProblem] = [], web: [SettingsProblem] = []) {
        (self.flags, self.accounts, self.web) = (flags, accounts, web)
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
        let files = Result { () throws(ConfigurationError) in try Configuration(settings, now: now) }
        let variables = try? files.get().variables
        // An account may name any variable, as long as the file cannot be read.
        if let known = settings.flags.accountsFile == nil ? [] : variables {
            given.reportUnknownVariables(besides: known, diagnostics)
        }
        do throws(ConfigurationError) {
            let configuration = try files.get()
            guard diagnostics.problems.isEmpty else { throw ConfigurationError() }
            return (settings, configuration)
        } catch {
            throw ConfigurationError(flags: diagnostics.problems, accounts: error.accounts, web: error.web)
        }
    }

    /// Returns the account that the demo polls.
    public func demoAccount(baseURL: String, token: String) throws -> AccountSettings {
        var flags = flags
        flags.baseURL = try BaseURL(baseURL)
        let token = TokenSource.environment(name: "demo", try Secret(token))
        return AccountSettings(name: nil, flags, token: token, proxy: nil, authorities)
    }

    /// Reads the accounts to poll, with the environment variables that hold their keys and the configuration of all as
    /// texts.
    fileprivate func accounts(
        _ diagnostics: Diagnostics
    ) -> (accounts: [AccountSettings], variables: Set<String>, texts: [String]) {
        switch source {
        case .demo: return ([], [], [])
        case .api(let baseURL, let token):
            do {
                _ = try token.read()
            } catch {
                diagnostics.report("token", error.description)
            }
            if let exposure = token.exposure {
                diagnostics.warn("token", exposure)
            }
            // A proxy that cannot be used has been reported with the flags.
            let proxy = try? proxies.proxy(for: baseURL)
            let account = AccountSettings(name: nil, flags, token: token, proxy: proxy, authorities)
            return ([account], [], [flags.accountText])
        case .file(let path):
            if let exposure = FileExposure.warning(path, isSecret: false) {
                diagnostics.warn(path, "the file \(exposure)")
            }
            do {
                var file = AccountsFile(self, diagnostics)
                let accounts = file.read(try SmallFile.read(path, limit: YAMLParser.maximumSize))
                return (accounts, file.variables, file.texts)
            } catch {
                diagnostics.report(path, "the file \(error)")
                return ([], [], [])
            }
        }
    }

    fileprivate func checkAuthorities(for accounts: [AccountSettings], _ diagnostics: Diagnostics) {
        let areNeeded = accounts.contains { $0.request.baseURL.scheme == "https" }
        guard areNeeded || flags.caFile != nil, source != .demo else { return }
        do throws(Problem) {
            let found = try CertificateAuthorities(system: authorities, file: flags.caFile)
            guard areNeeded else { return }
            for problem in found.problems {
                diagnostics.warn(problem.place, problem.problem)
            }
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
