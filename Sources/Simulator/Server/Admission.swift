import HTTPServer

/// Whether a request for the list may have it.
enum Admission {
    case granted(RequestRate.Verdict, ListQuery)
    case refused(Response)

    /// Decides in the order of the framework: who asks, how often, what for.
    ///
    /// - Parameters:
    ///   - request: the request.
    ///   - token: the one token that is accepted.
    ///   - count: counts the request against the rate limit of the user, once it is known who that is.
    ///   - unixTime: now, in seconds, for `X-RateLimit-Reset`.
    init(_ request: Request, token: String, unixTime: Int, count: () -> RequestRate.Verdict) {
        guard Self.bearer(request.headers["Authorization"]) == token else {
            self = .refused(Self.unauthenticated(request))
            return
        }
        let rate = count()
        if let seconds = rate.retryAfter {
            var response = Response.message(429, "Too Many Attempts.")
            response.headers.addRate(rate)
            response.headers.add("Retry-After", "\(seconds)")
            response.headers.add("X-RateLimit-Reset", "\(unixTime + seconds)")
            self = .refused(response)
            return
        }
        do {
            self = .granted(rate, try ListQuery(request.queryItems()))
        } catch {
            var response = Response.message(400, error.message)
            response.headers.addRate(rate)
            self = .refused(response)
        }
    }

    /// 401; for a client that has not asked for JSON first, the way to the login page instead.
    private static func unauthenticated(_ request: Request) -> Response {
        let first = request.headers["Accept"]?.split(separator: ",").first.map { $0.lowercased() } ?? ""
        if first.contains("/json") || first.contains("+json") {
            return .message(401, "Unauthenticated.")
        }
        return .html("<p>Please log in.</p>\n", location: "http://\(request.headers["Host"] ?? "localhost")/login")
    }

    /// The token of a bearer authorisation (RFC 6750, section 2.1).
    private static func bearer(_ value: String?) -> String? {
        guard let value, let space = value.firstIndex(of: " "), value[..<space].lowercased() == "bearer" else {
            return nil
        }
        let token = value[value.index(after: space)...].drop { $0 == " " }
        return token.isEmpty ? nil : String(token)
    }
}

extension Headers {
    /// The figures of the rate limit, as every throttled answer carries them.
    mutating func addRate(_ rate: RequestRate.Verdict) {
        add("X-RateLimit-Limit", "\(rate.limit)")
        add("X-RateLimit-Remaining", "\(rate.remaining)")
    }
}
