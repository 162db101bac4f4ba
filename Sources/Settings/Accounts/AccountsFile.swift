import Basics
import HypersenderAPI
import Monitoring

/// Reads a file that names several accounts.
struct AccountsFile {
    private let settings: Settings
    private let diagnostics: Diagnostics
    /// The lines that names were given in.
    private var names: [String: Int] = [:]
    /// The requests of accounts, each with the name of the first account that makes it.
    private var requests: [Request: String] = [:]
    /// The environment variables that accounts of any shard name.
    private(set) var variables: Set<String> = []

    /// The configuration of each account, of other shards too.
    private(set) var texts: [String] = []

    /// All that decides which instances an account sees.
    private struct Request: Hashable {
        var key: Secret
        var baseURL: BaseURL
        var filter: InstanceFilter
    }

    init(_ settings: Settings, _ diagnostics: Diagnostics) {
        (self.settings, self.diagnostics) = (settings, diagnostics)
    }

    /// Reads the file's bytes, and returns the accounts of this shard; they are not to be used if there is a problem.
    mutating func read(_ bytes: [UInt8]) -> [AccountSettings] {
        guard let root = MappingDecoder(file: bytes, diagnostics) else { return [] }
        root.require("accounts", "list the accounts to poll under it")
        let accounts = root.mappings("accounts").compactMap { account($0) }
        if root.isEmptyList("accounts") {
            root.report("accounts", "is empty: name at least one account")
        }
        root.end()
        return accounts
    }

    /// Reads one account; `nil` if it cannot be used, or is another shard's.
    private mutating func account(_ mapping: MappingDecoder) -> AccountSettings? {
        let name = name(mapping)
        let isOurs = name.map(settings.shard.keeps) ?? true
        let token = token(mapping, isOurs: isOurs)
        var flags = flags(mapping)
        flags?.options.name = name
        mapping.end()
        if let name, let flags { texts.append("\(name)\n\(flags.accountText)") }
        guard isOurs, let flags else { return nil }
        let proxy = settings.proxies.proxy(for: flags.baseURL, diagnostics)
        guard let name, let token else { return nil }
        warn(mapping, flags)
        if let exposure = token.source.exposure { mapping.warn("token_file", exposure) }
        let request = Request(key: token.key, baseURL: flags.baseURL, filter: flags.filter)
        if let other = requests[request], let line = names[other] {
            mapping.warn(
                "name",
                "\"\(name)\" has the same key, base URL and filter as \"\(other)\" in line \(line):"
                    + " the same instances are polled and alerted on twice")
        } else {
            requests[request] = name
        }
        return AccountSettings(flags, token: token.source, proxy: proxy, settings.authorities)
    }

    /// Reads the keys that have a flag, which wins over them if it is given; `nil` if one cannot be read.
    private func flags(_ mapping: MappingDecoder) -> FlagValues? {
        let filter = mapping.mapping("filter")
        var values = settings.flags
        var isSound = true
        for flag in Flag.all {
            guard let key = flag.accountKey, key != "labels" else { continue }
            let isFilter = key.hasPrefix("filter.")
            guard let mapping = isFilter ? filter : mapping else { continue }
            let name = isFilter ? String(key.dropFirst(7)) : key
            var decoded = values
            let isRead: Void? = mapping.value(name, quote: flag.quote) { (text) throws(Problem) in
                try flag.decode(text, &decoded)
            }
            if isRead == nil {
                isSound = isSound && !mapping.isGiven(name)
            } else if settings.given.value(for: flag) == nil {
                values = decoded
            }
        }
        filter?.end()
        labels(mapping, &values)
        return isSound ? values : nil
    }

    /// Adds the account's own labels to those that flags give to all accounts; of the same name, those of flags win.
    private func labels(_ mapping: MappingDecoder, _ values: inout FlagValues) {
        guard let labels = mapping.mapping("labels") else { return }
        for name in labels.keys {
            labels.value(name, quote: nil) { (text) throws(Problem) in
                if settings.flags.options.labels[name] == nil { try values.label(name, text) }
            }
        }
    }

    /// Warns as `Settings` does of flags, and of what the account's settings make of those.
    private func warn(_ mapping: MappingDecoder, _ flags: FlagValues) {
        for (property, warning) in flags.oddities {
            if let (mapping, key) = own(property, mapping) {
                mapping.warn(key, warning)
            } else if property == \FlagValues.options.staleAfter, let (mapping, key) = own(\.options.interval, mapping)
            {
                mapping.warn(key, "\(warning); see --poll.stale-after")
            }
        }
    }

    /// Returns the account's key for a property; `nil` if it is not given, or a flag overrides it.
    private func own(
        _ property: PartialKeyPath<FlagValues>, _ account: MappingDecoder
    ) -> (mapping: MappingDecoder, key: String)? {
        guard settings.given.place(property) == nil, let path = Flag.of(property)?.accountKey?.split(separator: "."),
            let mapping = path.count > 1 ? account.mapping(String(path[0])) : account,
            let key = path.last.map(String.init), mapping.isGiven(key)
        else { return nil }
        return (mapping, key)
    }

    private mutating func name(_ mapping: MappingDecoder) -> String? {
        mapping.require("name", "it becomes the account label of the metrics")
        guard let name = mapping.text("name") else { return nil }
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

    private mutating func token(_ mapping: MappingDecoder, isOurs: Bool) -> (source: TokenSource, key: Secret)? {
        let tokenFile = mapping.text("token_file")
        let variable = mapping.text("token_env")
        variables.formUnion([variable].compactMap(\.self))
        let isGiven = (mapping.isGiven("token_file"), mapping.isGiven("token_env"))
        if isGiven == (true, true) {
            mapping.report("token_env", "is given besides token_file: give one of them")
        } else if isGiven == (false, false) {
            mapping.report(
                "token_file",
                "is missing: name a file that holds the account's API key, or an environment variable as token_env")
        }
        // Other shards' keys need not be on this machine.
        guard isGiven.0 != isGiven.1, isOurs else { return nil }
        if let tokenFile {
            let source = TokenSource.file(path: mapping.resolve(tokenFile))
            do {
                return (source, try source.read())
            } catch {
                mapping.report("token_file", error.description)
            }
        } else if let variable {
            do {
                guard let text = settings.given.variable(variable) else { throw Problem("is not set") }
                let key = try Secret(text)
                return (.environment(name: variable, key), key)
            } catch {
                mapping.report("token_env", "the environment variable \(Redaction.quote(variable)) \(error)")
            }
        }
        return nil
    }
}
