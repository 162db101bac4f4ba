/// Any web file is refused with its mistakes, or says something that the server can do.
func tryWeb(_ bytes: [UInt8]) {
    let read = { Result { () throws(SettingsProblems) in try WebFile.parse(bytes, file: "/etc/f.yml").security } }
    let result = read()
    precondition(result == read(), "the same file was read in two ways")
    switch result {
    case .failure(let error):
        check(
            error.problems, in: bytes, file: "/etc/f.yml",
            secrets: [
                "$2b$04$abcdefghijklmnopqrstuujydOTSfIH/d5oUHpsygqV5X9xJLQc6e", "MIIEcanary1234567890canary1234567890",
            ])
    case .success(let security):
        check(security)
        security.tls.map(check)
    }
}

private func check(_ security: WebSecurity) {
    let names = [
        "Content-Security-Policy", "X-Frame-Options", "X-Content-Type-Options", "X-XSS-Protection",
        "Strict-Transport-Security",
    ]
    precondition(Set(security.headers.map(\.name)).count == Array(security.headers).count)
    for header in security.headers {
        precondition(names.contains(header.name))
        precondition(!header.value.isEmpty && header.value.utf8.allSatisfy { $0 == 9 || 0x20...0x7E ~= $0 })
        precondition(header.name != "X-Frame-Options" || ["deny", "sameorigin"].contains(header.value.lowercased()))
        precondition(header.name != "X-Content-Type-Options" || header.value.lowercased() == "nosniff")
    }
    for (name, hash) in security.users {
        precondition(!name.contains(":"))
        precondition((4...31).contains(hash.cost))
    }
    if let limit = security.rateLimit {
        precondition(limit.interval > .zero && limit.burst >= 1)
    }
    precondition(security.authExemptPaths.allSatisfy { $0.hasPrefix("/") && $0.utf8.allSatisfy { 0x21...0x7E ~= $0 } })
}

private func check(_ tls: TLSOptions) {
    for pem in [tls.certificate, tls.key] + (tls.clients?.authority.map { [$0] } ?? []) {
        switch pem {
        case .inline(let text): precondition(text.contains("-----BEGIN "))
        case .file(let path): precondition(path.hasPrefix("/") && !path.hasSuffix("/etc/") && !path.utf8.contains(0))
        }
    }
    if let clients = tls.clients {
        switch clients.policy {
        case .request, .verifyIfGiven: precondition(clients.allowedNames.isEmpty)
        case .requireAny: break
        case .requireAndVerify: precondition(clients.authority != nil, "the system's authorities would count")
        }
        precondition(clients.allowedNames.allSatisfy { !$0.allSatisfy(\.isWhitespace) })
    }
    precondition(Set(tls.cipherSuites).count == tls.cipherSuites.count)
    precondition(Set(tls.curves).count == tls.curves.count)
}
