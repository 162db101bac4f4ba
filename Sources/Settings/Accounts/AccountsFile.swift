public import Basics
public import HypersenderAPI

/// An account to poll.
public struct AccountSettings: Sendable, Equatable {
    /// The name the user gave; nil where there is just one account without a name.
    public var name: String?
    public var baseURL: BaseURL
    public var token: TokenSource
    public var polling: Settings.Polling

    public init(name: String?, baseURL: BaseURL, token: TokenSource, polling: Settings.Polling) {
        self.name = name
        self.baseURL = baseURL
        self.token = token
        self.polling = polling
    }

    /// Whether the other settings ask for the same instances, in the same place and with the same key.
    public func hasSameInstances(as other: AccountSettings) -> Bool {
        baseURL == other.baseURL && token == other.token && polling.filter == other.polling.filter
            && polling.phone == other.polling.phone
    }
}

extension Settings {
    /// The accounts to poll, and what of their file is probably not meant. Reads that file where there is one, and every key once, so that a
    /// missing one is found now.
    ///
    /// - Parameter environment: the process's environment, of which accounts may take their keys.
    /// - Throws: `SettingsProblems` with every mistake there is.
    public func accounts(
        environment: [String: String]
    ) throws(SettingsProblems) -> (accounts: [AccountSettings], warnings: [SettingsProblem]) {
        var problems: [SettingsProblem] = []
        var warnings: [SettingsProblem] = []
        var accounts: [AccountSettings] = []
        do throws(SettingsProblems) {
            (accounts, warnings) = try listed(environment: environment)
        } catch {
            problems += error.problems
        }
        let needsAuthorities = accounts.contains { $0.baseURL.scheme == "https" }
        if source != .demo, needsAuthorities || polling.caFile != nil {
            do throws(ClientSetupError) {
                let authorities = try CertificateAuthorities(system: polling.systemAuthorities, file: polling.caFile)
                warnings += needsAuthorities ? authorities.warnings : []
            } catch {
                problems.append(SettingsProblem("hypersender.ca-file", error.description))
            }
        }
        guard problems.isEmpty else {
            throw SettingsProblems(problems: problems)
        }
        return (accounts, warnings)
    }

    private func listed(
        environment: [String: String]
    ) throws(SettingsProblems) -> (accounts: [AccountSettings], warnings: [SettingsProblem]) {
        switch source {
        case .demo:
            return ([], [])
        case .api(let baseURL, let token):
            do {
                _ = try token.read()
            } catch {
                throw SettingsProblems(problems: [SettingsProblem("token", error.description)])
            }
            let account = AccountSettings(name: nil, baseURL: baseURL, token: token, polling: polling)
            return ([account], token.exposure.map { [SettingsProblem("token", $0)] } ?? [])
        case .file(let path):
            let bytes: [UInt8]
            do {
                bytes = try SmallFile.read(path, limit: YAMLDocument.largestFile)
            } catch {
                throw SettingsProblems(problems: [SettingsProblem(path, "the file \(error)")])
            }
            var file = AccountsFile(path: path, settings: self, environment: environment)
            let accounts = try file.read(bytes)
            let exposure = FileExposure.warning(path, isSecret: false).map { SettingsProblem(path, "the file \($0)") }
            return (accounts, (exposure.map { [$0] } ?? []) + file.warnings)
        }
    }
}

extension CertificateAuthorities {
    /// The problems that keep certificates from being verified.
    fileprivate var warnings: [SettingsProblem] {
        var warnings = problems.map { SettingsProblem($0.place, $0.problem) }
        if isEmpty {
            warnings.append(
                SettingsProblem(
                    "hypersender.ca-file",
                    "there are no certificate authorities, so that no https connection can be verified: install"
                        + " ca-certificates, or name a PEM file by --hypersender.ca-file or SSL_CERT_FILE"))
        }
        return warnings
    }
}

/// Reads a file that names several accounts.
struct AccountsFile {
    private let path: String
    private let settings: Settings
    private let environment: [String: String]
    private let file: Diagnostics
    /// The lines that names were given in.
    private var names: [String: Int] = [:]
    /// The requests of accounts, each with the name of the first account that makes it.
    private var requests: [Request: String] = [:]
    /// Proxies that accounts need and that cannot be used.
    private var proxyProblems: [SettingsProblem] = []

    /// All that decides which instances an account sees.
    private struct Request: Hashable {
        var key: Secret
        var baseURL: BaseURL
        var filter: InstanceFilter
    }

    init(path: String, settings: Settings, environment: [String: String]) {
        self.path = path
        self.settings = settings
        self.environment = environment
        file = Diagnostics(file: path)
    }

    /// What of this shard's accounts is probably not meant.
    var warnings: [SettingsProblem] { file.warnings }

    /// Reads the file's bytes, and gives the accounts of this shard.
    mutating func read(_ bytes: [UInt8]) throws(SettingsProblems) -> [AccountSettings] {
        var accounts: [AccountSettings] = []
        if let root = MappingDecoder(file: bytes, file) {
            root.require("accounts", "list the accounts to poll under it")
            accounts = root.mappings("accounts").compactMap { account($0) }
            if root.isEmptyList("accounts") {
                root.report("accounts", "is empty: name at least one account")
            }
            root.end()
        }
        let problems = file.problems + proxyProblems
        guard problems.isEmpty else {
            throw SettingsProblems(problems: problems)
        }
        return accounts
    }

    /// Reads one account; nil where it cannot be used, or is another shard's.
    private mutating func account(_ mapping: MappingDecoder) -> AccountSettings? {
        let name = name(mapping)
        let isOurs = name.map(settings.shard.keeps) ?? true
        let token = token(mapping, isOurs: isOurs)
        let baseURL = baseURL(mapping)
        var polling = settings.polling
        filter(mapping, &polling.filter)
        let interval = mapping.value("poll_interval", .duration(.seconds(1)...(.seconds(86400))))
        let timeout = mapping.value("poll_timeout", .duration(.milliseconds(100)...(.seconds(600))))
        let staleAfter = mapping.value("poll_stale_after", .duration(.seconds(1)...(.seconds(7 * 86400))))
        mapping.end()
        if let interval, !isOverridden("poll.interval") {
            polling.interval = interval
            if !isOverridden("poll.stale-after") {
                polling.staleAfter = interval * 3
            }
        }
        if let timeout, !isOverridden("poll.timeout") {
            polling.timeout = timeout
        }
        if let staleAfter, !isOverridden("poll.stale-after") {
            polling.staleAfter = staleAfter
        }
        if isOurs, let baseURL {
            checkProxy(polling.proxies, for: baseURL)
        }
        guard isOurs, let name, let token, let baseURL else {
            return nil
        }
        warn(mapping, polling)
        if let exposure = token.source.exposure {
            mapping.warn("token_file", exposure)
        }
        let request = Request(key: token.key, baseURL: baseURL, filter: polling.filter)
        if let other = requests[request], let line = names[other] {
            mapping.warn(
                "name",
                "\"\(name)\" has the same key, base URL and filter as \"\(other)\" in line \(line):"
                    + " the same instances are polled and alerted on twice")
        } else {
            requests[request] = name
        }
        return AccountSettings(name: name, baseURL: baseURL, token: token.source, polling: polling)
    }

    /// Reports a proxy that an account needs and that cannot be used; once for all accounts.
    private mutating func checkProxy(_ proxies: ProxySettings, for baseURL: BaseURL) {
        do throws(ProxyError) {
            _ = try proxies.proxy(for: baseURL)
        } catch {
            let problem = SettingsProblem("proxy", error.description)
            if !proxyProblems.contains(problem) {
                proxyProblems.append(problem)
            }
        }
    }

    /// Warns as `Settings` does of flags, and of what the account's settings make of those.
    private mutating func warn(_ mapping: MappingDecoder, _ polling: Settings.Polling) {
        if mapping.isGiven("poll_interval"), !isOverridden("poll.interval"), polling.isHasty {
            mapping.warn("poll_interval", Settings.Polling.hasty)
        }
        guard polling.staysHardlyFresh else {
            return
        }
        if mapping.isGiven("poll_stale_after"), !isOverridden("poll.stale-after") {
            mapping.warn("poll_stale_after", Settings.Polling.hardlyFresh)
        } else if mapping.isGiven("poll_interval"), !isOverridden("poll.interval") {
            mapping.warn("poll_interval", "\(Settings.Polling.hardlyFresh); see --poll.stale-after")
        }
    }

    private func isOverridden(_ flag: String) -> Bool {
        settings.overrides.flags.contains(flag)
    }

    private mutating func name(_ mapping: MappingDecoder) -> String? {
        mapping.require("name", "it becomes the account label of the metrics")
        guard let name = mapping.text("name") else {
            return nil
        }
        guard name.unicodeScalars.count <= 128,
            name.unicodeScalars.allSatisfy({ $0.properties.generalCategory != .control })
        else {
            mapping.report("name", "must have no more than 128 characters, and none that cannot be printed")
            return nil
        }
        if let line = names[name] {
            mapping.report("name", "is the name of the account in line \(line) too: each needs its own")
            return nil
        }
        names[name] = mapping.line(of: "name")
        return name
    }

    private mutating func token(
        _ mapping: MappingDecoder, isOurs: Bool
    ) -> (source: TokenSource, key: Secret)? {
        let tokenFile = mapping.text("token_file")
        let variable = mapping.text("token_env")
        switch (mapping.isGiven("token_file"), mapping.isGiven("token_env")) {
        case (true, true):
            mapping.report("token_env", "is given besides token_file: give one of them")
            return nil
        case (false, false):
            mapping.report(
                "token_file",
                "is missing: name a file that holds the account's API key, or an environment variable as token_env")
            return nil
        default:
            break
        }
        // Other shards' keys need not be on this machine.
        guard isOurs else {
            return nil
        }
        if let tokenFile {
            let source = TokenSource.file(path: tokenFile.hasPrefix("/") ? tokenFile : folder + tokenFile)
            do {
                return (source, try source.read())
            } catch {
                mapping.report("token_file", error.description)
            }
        } else if let variable {
            guard let text = environment[variable], !text.isEmpty else {
                mapping.report("token_env", "the environment variable \(Redaction.quote(variable)) is not set")
                return nil
            }
            do {
                let key = try Secret(text)
                return (.environment(name: variable, key), key)
            } catch {
                mapping.report("token_env", "the environment variable \(Redaction.quote(variable)) \(error)")
            }
        }
        return nil
    }

    /// The folder that paths in the file are relative to, with a slash at its end.
    private var folder: String {
        path.lastIndex(of: "/").map { String(path[...$0]) } ?? ""
    }

    private mutating func baseURL(_ mapping: MappingDecoder) -> BaseURL? {
        let allowsHTTP = settings.overrides.allowsHTTP
        let given = mapping.value("base_url", isSecret: true) { (text) throws(ValueProblem) in
            do throws(BaseURLError) {
                return try BaseURL(text, allowHTTP: allowsHTTP)
            } catch {
                throw ValueProblem(error.description)
            }
        }
        if mapping.isGiven("base_url"), given == nil {
            return nil
        }
        return settings.overrides.baseURL ?? given ?? Default.apiURL
    }

    private typealias Default = Settings.Default

    private mutating func filter(_ mapping: MappingDecoder, _ filter: inout InstanceFilter) {
        guard let given = mapping.mapping("filter") else {
            return
        }
        let uuid = given.text("uuid")
        let name = given.text("name")
        let phone = given.text("phone")
        let status = given.value("status", Settings.statusFilter)
        given.end()
        filter.uuid = isOverridden("hypersender.filter.uuid") ? filter.uuid : uuid
        filter.name = isOverridden("hypersender.filter.name") ? filter.name : name
        filter.phone = isOverridden("hypersender.filter.phone") ? filter.phone : phone
        filter.status = isOverridden("hypersender.filter.status") ? filter.status : status
    }
}
