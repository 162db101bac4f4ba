private func settings(_ flags: [String: String] = [:]) -> Settings {
    let flags = flags.merging(["config.file": "/etc/f.yml"]) { $1 }
    do {
        return try Settings(GivenValues(flags: flags.mapValues { [$0] }, environment: environment))
    } catch {
        fatalError("\(error)")
    }
}

private let whole = settings()
private let overridden = settings(["poll.interval": "7s", "hypersender.base-url": "https://example.org/v1"])
private let shards = (0..<3).map { settings(["shard": "\($0)", "total-shards": "3"]) }
private let environment = ["KEY": SmallFile.key, "SPACED": "a b", "EMPTY": ""]

private func read(
    _ bytes: [UInt8], _ settings: Settings
) -> Result<[AccountSettings], SettingsProblems> {
    Result { () throws(SettingsProblems) in
        let diagnostics = Diagnostics(file: "/etc/f.yml")
        var file = AccountsFile(settings, diagnostics)
        let accounts = file.read(bytes)
        try diagnostics.throwProblems()
        return accounts
    }
}

/// Any file of accounts is refused with its mistakes, or gives accounts that can be polled.
func tryAccounts(_ bytes: [UInt8]) {
    let result = read(bytes, whole)
    precondition(result == read(bytes, whole), "the same file was read in two ways")
    switch result {
    case .failure(let error):
        check(error.problems, in: bytes, file: "/etc/f.yml", secrets: [SmallFile.key])
    case .success(let accounts):
        check(accounts)
        // Without their keys the others' accounts are sound too, so no shard finds a mistake.
        let parts = shards.map { (try? read(bytes, $0).get())?.map(\.options.name) ?? [] }
        for (part, shard) in zip(parts, shards) {
            precondition(part == accounts.map(\.options.name).filter { $0.map(shard.shard.keeps) ?? false })
        }
        precondition(parts.joined().count == accounts.count, "an account is on no shard or on two")
        guard case .success(let given) = read(bytes, overridden) else {
            fatalError("flags spoil a file")
        }
        precondition(given.map(\.options.name) == accounts.map(\.options.name))
        precondition(
            given.allSatisfy { $0.request.baseURL.host == "example.org" && $0.options.interval == .seconds(7) })
    }
}

private func check(_ accounts: [AccountSettings]) {
    precondition(!accounts.isEmpty)
    precondition(Set(accounts.map(\.options.name)).count == accounts.count, "a name is there twice")
    for account in accounts {
        guard let name = account.options.name else {
            fatalError("an account has no name")
        }
        precondition(!name.allSatisfy(\.isWhitespace) && name.unicodeScalars.count <= 128)
        precondition(name.unicodeScalars.allSatisfy { $0.properties.generalCategory != .control })
        let url = account.request.baseURL
        precondition(url.scheme == "https" || url.scheme == "http" && IPAddress.isLoopback(host: url.host))
        precondition(!url.host.isEmpty && (1...65535).contains(url.port) && !url.description.contains("@"))
        guard let again = try? BaseURL(url.description) else {
            fatalError("an address that was taken cannot be read: \(url)")
        }
        precondition(again == url, "\(url) is another address when read again")
        guard let token = try? account.request.token.read() else {
            fatalError("an account was taken without its key")
        }
        precondition("\(token)" == "<redacted>")
        let filter = account.request.filter
        precondition((.seconds(1)...(.seconds(86400))).contains(account.options.interval))
        precondition((.milliseconds(100)...(.seconds(600))).contains(account.request.timeout))
        precondition((.seconds(1)...(.seconds(7 * 86400))).contains(account.options.maximumAge))
        let known = InstanceStatus.documented.map { Substring($0.rawValue) }
        precondition(filter.status?.split(separator: ",").allSatisfy(known.contains) ?? true)
        precondition(filter.queryItems.allSatisfy { !$0.value.allSatisfy(\.isWhitespace) })
        precondition(filter.queryItems.map(\.encoded).allSatisfy { $0.utf8.allSatisfy { 0x21...0x7E ~= $0 } })
    }
}
