import Synchronization

/// Who may ask, how often, and what is added to every response: the part of the security settings that concerns
/// requests.
final class AccessControl: Sendable {
    enum Verdict {
        case allowed
        case refused(Response)
        /// The password must be checked first.
        case uncertain(Credentials, Bcrypt, isUser: Bool)
    }

    private let settings: WebSecurity
    private let users: [String: Bcrypt]
    /// What the passwords of unknown users are checked against, at the cost of the most costly of the known.
    private let nobody: Bcrypt?
    private let known: KnownPasswords
    private let checks: PasswordChecks
    private let bucket: Mutex<TokenBucket?>

    /// Throws for settings that make no sense. What `old` has learned stays where it still holds.
    init(_ settings: WebSecurity, old: AccessControl?) throws(WebSecurityError) {
        self.settings = settings
        users = try Self.users(settings.users)
        try Self.check(settings.headers)
        for path in settings.authExemptPaths where !path.hasPrefix("/") {
            throw WebSecurityError(.exemptPaths, "\"\(path)\" does not begin with a slash")
        }
        if let limit = settings.rateLimit, limit.interval <= .zero || limit.burst < 1 {
            throw WebSecurityError(.rateLimit, "interval and burst must be above zero")
        }
        nobody = Bcrypt.dummy(cost: users.values.map(\.cost).max() ?? 10)
        checks = old?.checks ?? PasswordChecks()
        // A digest covers the hash: one of a user whose hash has changed is never found again.
        known = old?.known ?? KnownPasswords()
        if let old, old.settings.rateLimit == settings.rateLimit {
            bucket = Mutex(old.bucket.withLock { $0 })
        } else {
            bucket = Mutex(settings.rateLimit.map { TokenBucket($0, now: .now) })
        }
    }

    private static func users(_ hashes: [String: String]) throws(WebSecurityError) -> [String: Bcrypt] {
        var users: [String: Bcrypt] = [:]
        for (user, text) in hashes.sorted(by: { $0.key < $1.key }) {
            guard !user.utf8.contains(where: { $0 == UInt8(ascii: ":") || $0 == 0 }) else {
                throw WebSecurityError(.users, "\"\(user)\": a name cannot have a colon")
            }
            guard let hash = Bcrypt(text) else {
                throw WebSecurityError(
                    .users, "the password of \"\(user)\" is not a bcrypt hash, as \"htpasswd -nB \(user)\" makes one")
            }
            users[user] = hash
        }
        return users
    }

    private static func check(_ headers: [WebSecurity.Header]) throws(WebSecurityError) {
        for header in headers {
            guard !header.name.isEmpty, header.name.utf8.allSatisfy(\.isTokenByte) else {
                throw WebSecurityError(.headers, "\"\(header.name)\" is not the name of a field")
            }
            guard header.value.utf8.allSatisfy(\.isFieldByte) else {
                throw WebSecurityError(.headers, "the value of \(header.name) has a control character")
            }
        }
    }

    /// Judges a request by its head. Takes a token of the rate limit.
    func judge(_ request: Request, now: ContinuousClock.Instant = .now) -> Verdict {
        guard bucket.withLock({ $0?.take(now: now) ?? true }) else {
            return .refused(.plain(status: 429, "Too Many Requests\n"))
        }
        guard !users.isEmpty, !settings.authExemptPaths.contains(request.path) else { return .allowed }
        guard let field = request.headers["authorization"], let credentials = Credentials(authorization: field),
            !credentials.password.contains(0)
        else { return .refused(.unauthorized) }
        if let user = credentials.user, let hash = users[user] {
            return known.contains(credentials, hash) ? .allowed : .uncertain(credentials, hash, isUser: true)
        }
        return nobody.map { .uncertain(credentials, $0, isUser: false) } ?? .refused(.unauthorized)
    }

    /// The refusal of wrong credentials, nil if they are right.
    func check(
        _ credentials: Credentials, _ hash: Bcrypt, isUser: Bool, for request: Request
    ) async -> Response? {
        let presence = request.presence ?? ClientPresence()
        switch await checks.check(credentials.password, hash, for: request.client, presence: presence) {
        case .right where isUser:
            known.insert(credentials, hash)
            return nil
        case .right, .wrong:
            return .unauthorized
        case .busy:
            var response = Response.plain(status: 503, "Service Unavailable\n")
            response.headers.set("Retry-After", "1")
            return response
        }
    }

    /// Lets out refusals that are held back: the server is shutting down.
    func endDelays() {
        checks.endDelays()
    }

    /// The response with the fields configured, in place of its own of the name.
    func finish(_ response: Response) -> Response {
        var response = response
        for header in settings.headers {
            response.headers.set(header.name, header.value)
        }
        return response
    }
}

extension Response {
    fileprivate static let unauthorized: Response = {
        var response = plain(status: 401, "Unauthorized\n")
        response.headers.set("WWW-Authenticate", "Basic")
        return response
    }()

    /// As Go's `http.Error` answers.
    fileprivate static func plain(status: Int, _ text: String) -> Response {
        Response(
            status: status,
            headers: ["Content-Type": "text/plain; charset=utf-8", "X-Content-Type-Options": "nosniff"],
            body: Body(text))
    }
}
