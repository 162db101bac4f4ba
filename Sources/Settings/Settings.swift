public import Basics
public import HypersenderAPI

/// The settings of the program by its flags and environment.
public struct Settings: Sendable {
    /// The values of all flags.
    public let flags: FlagValues
    /// The source of the instances.
    public let source: Source
    /// This replica's share of the accounts of a file.
    public let shard: Shard
    /// The settings of accounts that say nothing else for themselves.
    public let polling: Polling
    /// Settings that work but are probably not meant.
    public let warnings: [SettingsProblem]
    /// The texts that all this was read from. Accounts of a file may have their keys in the environment.
    public let given: GivenValues

    /// A source of instances.
    public enum Source: Sendable, Equatable {
        /// The Hypersender API.
        case api(baseURL: BaseURL, token: TokenSource)
        /// The accounts that a file names.
        case file(path: String)
        /// A simulated account within the program.
        case demo
    }

    /// Reads flags and environment.
    ///
    /// - Throws: `SettingsProblems` with every mistake there is.
    public init(_ given: GivenValues) throws(SettingsProblems) {
        let diagnostics = Diagnostics()
        self.init(given, diagnostics)
        try diagnostics.throwProblems()
    }

    /// Reads flags and environment, and reports every mistake; the result is then good only for checking the files it
    /// names.
    init(_ given: GivenValues, _ diagnostics: Diagnostics) {
        let flags = given.decode(diagnostics)
        let proxies = flags.isDemo ? .none : ProxySettings(environment: given.environment)
        for entry in proxies.uselessExceptions {
            diagnostics.warn(
                proxies.exceptionsVariable,
                "\(entry) can never match, and is ignored: write a host name, an address or a network such as"
                    + " 10.0.0.0/8")
        }
        let polling = Polling(flags, proxies: proxies, authorities: SystemAuthorities(environment: given.environment))
        if polling.pollsTooOften, !flags.isDemo, let place = given.place(\.interval) {
            diagnostics.warn(place, Polling.tooOften)
        }
        if polling.expiresBetweenPolls, let place = given.place(\.staleAfter) {
            diagnostics.warn(place, Polling.tooShort)
        }
        let shard = Self.shard(flags, given, diagnostics)
        let source = Self.source(flags, given, proxies, diagnostics)
        // Mistakes in the file of accounts are to be told, whatever it must not be combined with.
        let file = diagnostics.problems.isEmpty ? nil : flags.accountsFile.map { Source.file(path: $0) }
        (self.flags, self.given, self.polling, self.shard) = (flags, given, polling, shard)
        self.source = file ?? source ?? .demo
        warnings = diagnostics.warnings
    }

    private static func shard(_ flags: FlagValues, _ given: GivenValues, _ diagnostics: Diagnostics) -> Shard {
        let properties: [PartialKeyPath<FlagValues>] = [\.shardIndex, \.totalShards, \.derivesShardFromHostname]
        let places = properties.compactMap(given.place)
        if given.place(\.accountsFile) == nil {
            for place in places {
                diagnostics.report(place, "only the accounts of a --config.file can be divided among replicas")
            }
        }
        var index = flags.shardIndex
        var place = given.place(\.shardIndex)
        if flags.derivesShardFromHostname, let origin = given.place(\.derivesShardFromHostname) {
            if let place {
                diagnostics.report(place, "cannot be combined with \(origin)")
            } else if let ordinal = Shard.ordinal(ofHostName: given.hostName) {
                index = ordinal
            } else {
                diagnostics.report(
                    origin, "the host name \(Redaction.quote(given.hostName)) does not end in a number after a dash")
            }
            place = origin
        }
        if index >= flags.totalShards {
            diagnostics.report(
                place ?? "",
                "is \(index), and there are \(flags.totalShards) shards, numbered from 0: see --total-shards")
        }
        let isUnknown = diagnostics.problems.contains { places.contains($0.place) }
        return isUnknown ? .none : Shard(index: index, total: flags.totalShards)
    }

    /// Returns the source of the instances; `nil`, with a problem, if it cannot be used.
    private static func source(
        _ flags: FlagValues, _ given: GivenValues, _ proxies: ProxySettings, _ diagnostics: Diagnostics
    ) -> Source? {
        if flags.isDemo {
            let properties: [PartialKeyPath<FlagValues>] = [\.baseURL, \.tokenFile, \.accountsFile]
            for place in properties.compactMap(given.place) where place.hasPrefix("--") {
                diagnostics.report(place, "cannot be combined with --demo, which brings its own account")
            }
            return .demo
        }
        if let place = given.place(\.accountsFile) {
            if let token = given.place(\.tokenFile) {
                diagnostics.report(token, "cannot be combined with \(place), whose accounts name their own keys")
            }
            return flags.accountsFile.map { .file(path: $0) }
        }
        let token = token(flags, given, diagnostics)
        // An address that cannot be read has been reported.
        if diagnostics.problems.contains(where: { $0.place == given.place(\.baseURL) }) { return nil }
        do throws(ProxyError) {
            _ = try proxies.proxy(for: flags.baseURL)
        } catch {
            diagnostics.report("proxy", error.description)
        }
        return token.map { .api(baseURL: flags.baseURL, token: $0) }
    }

    private static func token(_ flags: FlagValues, _ given: GivenValues, _ diagnostics: Diagnostics) -> TokenSource? {
        let name = "HYPERSENDER_TOKEN"
        let text = given.variable(name)
        let place = given.place(\.tokenFile)
        if let file = flags.tokenFile {
            if text == nil || place?.hasPrefix("--") == true { return .file(path: file) }
            diagnostics.report(name, "is set, and so is HYPERSENDER_TOKEN_FILE: set one of them")
        } else if let text {
            do {
                return .environment(name: name, try Secret(text))
            } catch {
                diagnostics.report(name, error.description)
            }
        } else if place == nil {
            // Of systemd's LoadCredential=.
            if let folder = given.variable("CREDENTIALS_DIRECTORY") { return .file(path: "\(folder)/token") }
            diagnostics.report(
                "token",
                "no API key was given: set \(name), or point --hypersender.token-file (or HYPERSENDER_TOKEN_FILE) to"
                    + " a file that holds it, or --config.file to one that names several accounts; or try it without"
                    + " one by --demo")
        }
        return nil
    }
}
