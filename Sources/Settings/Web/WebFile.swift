import Basics
public import HTTPServer

/// Reads web configuration files, in the format of the exporter-toolkit's `docs/web-configuration.md`.
///
/// Files are refused if the toolkit takes them without doing what they say: TLS keys without a certificate, a rate
/// limit without a burst, TLS versions of which none is left, and the like. `http2` and `prefer_server_cipher_suites`
/// have no effect, which is a warning. `auth_exempt_paths` is our addition: neither password nor certificate is asked.
public enum WebFile {
    /// The settings in a file, and warnings about those that are probably not meant.
    public typealias Contents = (security: WebSecurity, warnings: [SettingsProblem])

    /// Reads a file, and the certificates and keys that it names, by paths relative to its folder.
    ///
    /// - Parameter now: in seconds since 1970, to tell which certificates are valid.
    /// - Throws: `SettingsProblems` with every mistake there is, none of which quotes a key or a password's hash.
    public static func read(path: String, now: Int) throws(SettingsProblems) -> Contents {
        let bytes: [UInt8]
        do {
            bytes = try SmallFile.read(path, limit: YAMLParser.maximumSize)
        } catch {
            throw SettingsProblems([SettingsProblem(path, "\(error)")])
        }
        var contents = try parse(bytes, file: path, certificatesAt: now)
        let holdsKey = if case .inline? = contents.security.tls?.key { true } else { false }
        if let exposure = FileExposure.warning(path, isSecret: holdsKey) {
            contents.warnings.insert(SettingsProblem(path, "the file \(exposure)"), at: 0)
        }
        return contents
    }

    /// Parses the bytes of the file at a path, as `read` does. Without `now` certificates are not inspected.
    static func parse(
        _ bytes: [UInt8], file path: String, certificatesAt now: Int? = nil
    ) throws(SettingsProblems) -> Contents {
        let file = Diagnostics(file: path)
        var security = WebSecurity()
        if let root = MappingDecoder(file: bytes, file) {
            if let http = root.mapping("http_server_config") {
                if http.flag("http2") == true {
                    http.warn("http2", "has no effect: HTTP/1.1 is served")
                }
                security.headers = http.mapping("headers").map(headers) ?? [:]
                http.end()
            }
            security.tls = root.mapping("tls_server_config").flatMap { tls($0, certificatesAt: now) }
            security.users = root.mapping("basic_auth_users").map(users) ?? [:]
            let costs = Set(security.users.values.map(\.cost)).sorted()
            if costs.count > 1 {
                root.warn(
                    "basic_auth_users",
                    "has hashes of different costs (\(costs.map(String.init).joined(separator: ", "))): the time of a"
                        + " refusal tells which names exist; make all with htpasswd -nBC 10 NAME")
            }
            security.rateLimit = root.mapping("rate_limit").flatMap(rateLimit)
            security.authExemptPaths = Set(root.list("auth_exempt_paths", exemptPath) ?? [])
            root.end()
        }
        try file.throwProblems()
        return (security, file.warnings)
    }

    /// The header fields that may be set, some with the values that they are limited to.
    private static let knownHeaders: [(name: String, values: [String])] = [
        ("Content-Security-Policy", []), ("X-Frame-Options", ["deny", "sameorigin"]),
        ("X-Content-Type-Options", ["nosniff"]), ("X-XSS-Protection", []), ("Strict-Transport-Security", []),
    ]

    private static func headers(_ keys: MappingDecoder) -> Headers {
        var headers: Headers = [:]
        for (name, values) in knownHeaders {
            let value = keys.value(name) { (text) throws(Problem) in
                // A block text ends with a line break, which a field cannot hold (RFC 9110, section 5.5).
                let value = String(text.trimming(while: \.isWhitespace))
                guard value.utf8.allSatisfy({ (0x20...0x7E).contains($0) || $0 == 0x09 }) else {
                    throw Problem("is not one line of ASCII text")
                }
                guard value.isEmpty || values.isEmpty || values.contains(value.lowercased()) else {
                    throw Problem("is not \(values.joined(separator: " or "))")
                }
                return value
            }
            if let value, !value.isEmpty { headers.add(name, value) }
        }
        keys.end()
        return headers
    }

    private static func users(_ keys: MappingDecoder) -> [String: BcryptHash] {
        var users: [String: BcryptHash] = [:]
        for name in keys.keys {
            if name.contains(":") {
                keys.report(name, "a user's name cannot have a colon, which ends it in a request (RFC 7617)")
            }
            keys.require(name, "give the bcrypt hash of the user's password")
            users[name] = keys.value(name, quote: nil) { (text) throws(Problem) in
                guard let hash = BcryptHash(text) else {
                    throw Problem(
                        "is not a bcrypt hash: make one with htpasswd -nBC 10 NAME, and write what follows the colon")
                }
                return hash
            }
            if let cost = users[name]?.cost, cost > maximumCost {
                keys.warn(
                    name,
                    "is a bcrypt hash of cost \(cost), which takes seconds to check: make one with htpasswd -nBC 10"
                        + " NAME")
            }
        }
        return users
    }

    /// Each step doubles the time of a check: 10 takes some 50 ms, 16 some 3 s, and 31 a day.
    private static let maximumCost = 16

    /// The toolkit takes a missing burst for 0, and then answers no request at all: here it is required.
    private static func rateLimit(_ keys: MappingDecoder) -> RequestRateLimit? {
        let interval = keys.value("interval", .duration(.zero...(.seconds(86400))))
        let burst = keys.integer("burst", 0...1_000_000)
        keys.end()
        if keys.isGiven("burst") {
            keys.require("interval", "say how long one more request takes to come free, or 0 for no limit")
        }
        guard let interval, interval > .zero,
            keys.require("burst", "say how many requests are answered at once, 1 or more"), let burst
        else { return nil }
        if burst == 0 {
            keys.report("burst", "is 0, which answers no request: write 1 or more, or interval: 0 for no limit")
        }
        return RequestRateLimit(interval: interval, burst: burst)
    }

    private static func exemptPath(_ text: String) throws(Problem) -> String {
        guard text.isPath else { throw Problem("is not a path: write it like /-/healthy") }
        return text
    }
}
