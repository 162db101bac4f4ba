import Basics
public import HTTPServer
import HypersenderAPI

/// Reads web configuration files: the format of Prometheus's exporter-toolkit, and one key of ours.
///
/// The format is that of the toolkit's `docs/web-configuration.md`. Where the toolkit takes a file and then does not do
/// what the file says, the file is refused here: TLS keys without a certificate, a rate limit without a burst, TLS
/// versions of which none is left, and the like.
/// `auth_exempt_paths` is our addition: paths for which no password is asked.
public enum WebFile {
    /// What a file says, and what of it is probably not meant.
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
            throw SettingsProblems(problems: [SettingsProblem(path, "\(error)")])
        }
        var contents = try parse(bytes, file: path, certificatesAt: now)
        var holdsKey = false
        if case .inline = contents.security.tls?.key {
            holdsKey = true
        }
        if let exposure = FileExposure.warning(path, isSecret: holdsKey) {
            contents.warnings.insert(SettingsProblem(path, "the file \(exposure)"), at: 0)
        }
        return contents
    }

    /// Reads what is in a file.
    ///
    /// - Parameters:
    ///   - file: the path of the file, which names it in problems; what it holds is relative to its folder.
    ///   - now: in seconds since 1970, to look at the certificates as well; nil to leave them alone.
    /// - Throws: as `read` does.
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
                security.headers = http.mapping("headers").map(headers) ?? []
                http.end()
            }
            if let tls = root.mapping("tls_server_config") {
                security.tls = self.tls(tls, folder: folder(of: path), certificatesAt: now)
            }
            security.users = root.mapping("basic_auth_users").map(users) ?? [:]
            let costs = Set(security.users.values.compactMap(WebSecurity.cost)).sorted()
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
        guard file.problems.isEmpty else {
            throw SettingsProblems(problems: file.problems)
        }
        return (security, file.warnings)
    }

    /// With the slash at the end; empty where the path is only a name.
    private static func folder(of path: String) -> Substring {
        path[..<(path.lastIndex(of: "/").map(path.index(after:)) ?? path.startIndex)]
    }

    /// The header fields that may be set, with the values that some of them are limited to.
    private static let knownHeaders: [(name: String, values: [String])] = [
        ("Content-Security-Policy", []), ("X-Frame-Options", ["deny", "sameorigin"]),
        ("X-Content-Type-Options", ["nosniff"]), ("X-XSS-Protection", []), ("Strict-Transport-Security", []),
    ]

    private static func headers(_ keys: MappingDecoder) -> [WebSecurity.Header] {
        var headers: [WebSecurity.Header] = []
        for (name, values) in knownHeaders {
            let value = keys.value(name) { (text) throws(ValueProblem) in
                // A block text ends with a line break; within a line there is none to be had (RFC 9110, section 5.5).
                let value = String(text.trimming(while: \.isWhitespace))
                guard value.utf8.allSatisfy({ (0x20...0x7E).contains($0) || $0 == 0x09 }) else {
                    throw ValueProblem("is not one line of ASCII text")
                }
                guard value.isEmpty || values.isEmpty || values.contains(value.lowercased()) else {
                    throw ValueProblem("is not \(values.joined(separator: " or "))")
                }
                return value
            }
            if let value, !value.isEmpty {
                headers.append(WebSecurity.Header(name, value))
            }
        }
        keys.end()
        return headers
    }

    private static func users(_ keys: MappingDecoder) -> [String: String] {
        var users: [String: String] = [:]
        for name in keys.keys {
            if name.contains(":") {
                keys.report(name, "a user's name cannot have a colon, which ends it in a request (RFC 7617)")
            }
            keys.require(name, "give the bcrypt hash of the user's password")
            users[name] = keys.value(name, isSecret: true) { (text) throws(ValueProblem) in
                guard WebSecurity.cost(ofPasswordHash: text) != nil else {
                    throw ValueProblem(
                        "is not a bcrypt hash: make one with htpasswd -nBC 10 NAME, and write what follows the colon")
                }
                return text
            }
            if let cost = users[name].flatMap(WebSecurity.cost), cost > highestCost {
                keys.warn(
                    name,
                    "is a bcrypt hash of cost \(cost), which takes seconds to check: make one with htpasswd -nBC 10 NAME"
                )
            }
        }
        return users
    }

    /// Each step doubles the time of a check: 10 takes some 50 ms, 16 some 3 s, and 31 a day.
    private static let highestCost = 16

    /// The toolkit takes 0 for a burst that is not given, and then answers no request at all: here both must be said.
    private static func rateLimit(_ keys: MappingDecoder) -> RequestRateLimit? {
        let interval = keys.value("interval", .duration(.zero...(.seconds(86400))))
        let burst = keys.integer("burst", 0...1_000_000)
        keys.end()
        if keys.isGiven("burst") {
            keys.require("interval", "say how long one more request takes to come free, or 0 for no limit")
        }
        guard let interval, interval > .zero else {
            return nil
        }
        guard keys.require("burst", "say how many requests are answered at once, 1 or more"), let burst else {
            return nil
        }
        guard burst > 0 else {
            keys.report("burst", "is 0, which answers no request: write 1 or more, or interval: 0 for no limit")
            return nil
        }
        return RequestRateLimit(interval: interval, burst: burst)
    }

    private static func exemptPath(_ text: String) throws(ValueProblem) -> String {
        guard text.hasPrefix("/"), text.utf8.allSatisfy({ (0x21...0x7E).contains($0) }), !text.contains("?"),
            !text.contains("#")
        else {
            throw ValueProblem("is not a path: write it like /-/healthy")
        }
        return text
    }
}
