import NIOHTTP1
import Synchronization

/// The decision about a request by its head.
enum AccessDecision: Sendable {
    case allowed
    case refused(Response)
    /// A password must be checked first. The check returns the refusal, `nil` if the request is allowed.
    case uncertain(@Sendable () async -> Response?)
}

/// Passwords, rate limit and added header fields: the security settings that concern requests.
final class AccessControl: Sendable {
    let settings: WebSecurity
    /// The hash that the passwords of unknown users are checked against, as costly as the costliest of a user.
    let decoy: BcryptHash
    private let verified: VerifiedCredentials
    let checker: PasswordChecker
    private let bucket: Mutex<TokenBucket?>

    /// Keeps what the `old` one has learned, as far as the settings have not changed.
    init(_ settings: WebSecurity, old: AccessControl? = nil, checker: PasswordChecker = PasswordChecker()) {
        self.settings = settings
        decoy = BcryptHash(decoyOfCost: settings.users.values.map(\.cost).max() ?? 10)
        verified = old?.verified ?? VerifiedCredentials()
        self.checker = old?.checker ?? checker
        let bucket = old?.bucket.withLock { $0 }
        let isSame = bucket?.limit == settings.rateLimit
        self.bucket = Mutex(isSame ? bucket : settings.rateLimit.map { TokenBucket($0, now: .now) })
    }

    /// Judges a request by its head. To be called once for each: it takes a token of the rate limit.
    func judge(_ request: Request, of client: Client) -> AccessDecision {
        guard bucket.withLock({ $0?.take(now: .now) ?? true }) else { return .refused(.error(429)) }
        guard !settings.authExemptPaths.contains(request.path) else { return .allowed }
        if let clients = settings.tls?.clients, clients.policy.requires, !client.hasCertificate {
            return .refused(.error(403, "A client certificate is required"))
        }
        guard !settings.users.isEmpty else { return .allowed }
        guard let credentials = request.headers["authorization"].flatMap(Credentials.init(authorization:)),
            !credentials.password.contains(0)
        else { return .refused(.unauthorized) }
        let hash = credentials.user.flatMap { settings.users[$0] }
        if let hash, verified.contains(credentials, hash) { return .allowed }
        return .uncertain { await self.check(credentials, hash, of: client) }
    }

    /// Returns the refusal of wrong credentials. For an unknown user, who has no hash, it takes as long.
    private func check(_ credentials: Credentials, _ hash: BcryptHash?, of client: Client) async -> Response? {
        switch (await checker.check(credentials.password, hash ?? decoy, for: client), hash) {
        case (.right, let hash?):
            verified.insert(credentials, hash)
            return nil
        case (.busy, _):
            return .error(503, headers: ["Retry-After": "1"])
        case (.right, nil), (.wrong, _):
            return .unauthorized
        }
    }

    /// Returns the response with the configured header fields, which replace its own of the same name.
    func finish(_ response: Response) -> Response {
        var response = response
        for (name, value) in settings.headers.fields { response.headers.set(name, value) }
        return response
    }
}

extension Response {
    fileprivate static var unauthorized: Response { error(401, headers: ["WWW-Authenticate": "Basic"]) }

    /// Returns an error as Go's `http.Error` writes it.
    fileprivate static func error(_ status: Int, _ text: String? = nil, headers: Headers = [:]) -> Response {
        plain(status, "\(text ?? HTTPResponseStatus(statusCode: status).reasonPhrase)\n", headers: headers)
    }
}
