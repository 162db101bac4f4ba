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
    /// Settings that work but are probably not meant.
    public let warnings: [SettingsProblem]
    /// The texts that all this was read from. Accounts of a file may have their keys in the environment.
    public let given: GivenValues
    let proxies: ProxySettings
    let authorities: SystemAuthorities

    /// A source of instances.
    public enum Source: Sendable, Equatable {
        /// The Hypersender API.
        case api(baseURL: BaseURL, token: TokenSource)
        /// The accounts that a file names.
        case file(path: String)
        /// A simulated account within the program.
        case demo
    }

    /// Reads flags and environment, and reports every mistake; then only the files it names are to be checked.
    init(_ given: GivenValues, _ diagnostics: Diagnostics) {
        self.given = given
        flags = given.values
        given.reportMistakes(diagnostics)
        proxies = flags.isDemo ? .none : ProxySettings(environment: given.environment)
        authorities = SystemAuthorities(environment: given.environment)
        for entry in proxies.uselessExceptions {
            diagnostics.warn(
                proxies.exceptionsVariable,
                "\(entry) can never match, and is ignored: write a host name, an address or a network such as"
                    + " 10.0.0.0/8")
        }
        for (property, warning) in flags.oddities {
            if let place = given.place(property) { diagnostics.warn(place, warning) }
        }
        if flags.reloadsOnChange, flags.accountsFile == nil, let place = given.place(\.reloadsOnChange) {
            diagnostics.report(place, "has no file to follow: give --config.file")
        }
        shard = Shard(flags, given, diagnostics)
        let source = Self.source(flags, given, proxies, diagnostics)
        // Mistakes in the file of accounts are to be told, whatever it must not be combined with.
        let file = diagnostics.problems.isEmpty ? nil : flags.accountsFile.map { Source.file(path: $0) }
        self.source = file ?? source ?? .demo
        warnings = diagnostics.warnings
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
        // An address that cannot be read has been reported, and has the default in its place.
        if !diagnostics.problems.contains(where: { $0.place == given.place(\.baseURL) }) {
            _ = proxies.proxy(for: flags.baseURL, diagnostics)
        }
        return token.map { .api(baseURL: flags.baseURL, token: $0) }
    }

    private static func token(_ flags: FlagValues, _ given: GivenValues, _ diagnostics: Diagnostics) -> TokenSource? {
        let name = "HYPERSENDER_TOKEN"
        let place = given.place(\.tokenFile)
        switch (flags.tokenFile, given.variable(name)) {
        case (let file?, nil): return .file(path: file)
        case (let file?, _) where place?.hasPrefix("--") == true:
            diagnostics.warn(name, "is not used, since --hypersender.token-file is given too: take one of them away")
            return .file(path: file)
        case (.some, _): diagnostics.report(name, "is set, and so is HYPERSENDER_TOKEN_FILE: set one of them")
        case (nil, let text?):
            do {
                return .environment(name: name, try Secret(text))
            } catch {
                diagnostics.report(name, error.description)
            }
        case (nil, nil) where place == nil:
            // Of systemd's LoadCredential=.
            if let folder = given.variable("CREDENTIALS_DIRECTORY") { return .file(path: "\(folder)/token") }
            diagnostics.report(
                "token",
                "no API key was given: set \(name), or point --hypersender.token-file (or HYPERSENDER_TOKEN_FILE) to"
                    + " a file that holds it, or --config.file to one that names several accounts; or try it without"
                    + " one by --demo")
        case (nil, nil): break
        }
        return nil
    }
}

extension ProxySettings {
    /// Returns the proxy for an address; reports once that it cannot be used.
    func proxy(for url: BaseURL, _ diagnostics: Diagnostics) -> Proxy? {
        do throws(Problem) {
            return try proxy(for: url)
        } catch {
            diagnostics.report("proxy", error.description)
            return nil
        }
    }
}
