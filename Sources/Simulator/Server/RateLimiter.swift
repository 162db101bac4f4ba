import HTTPServer

/// A limit of requests a minute, counted in minutes from the first request on, as the framework counts.
struct RateLimiter: Sendable {
    /// The outcome for one request.
    struct Decision: Equatable, Sendable {
        let limit: Int
        let remaining: Int
        /// Whole seconds until the next request is allowed; `nil` if this one is.
        let retryAfter: Int?

        /// The fields that every answer within the framework's throttling has.
        var headers: Headers {
            ["X-RateLimit-Limit": "\(limit)", "X-RateLimit-Remaining": "\(remaining)"]
        }
    }

    let limit: Int
    /// Whether requests over the limit are refused, or only counted.
    let isEnforced: Bool
    private var windowEnd: Duration = .zero
    private var used = 0

    init(limit: Int, isEnforced: Bool) {
        self.limit = limit
        self.isEnforced = isEnforced
    }

    /// Counts one request at `now`, the time since the start.
    mutating func count(at now: Duration) -> Decision {
        if now >= windowEnd {
            windowEnd = now + .seconds(60)
            used = 0
        }
        if isEnforced, used >= limit {
            let seconds = ((windowEnd - now) / .seconds(1)).rounded(.up)
            return Decision(limit: limit, remaining: 0, retryAfter: Int(seconds))
        }
        used += 1
        return Decision(limit: limit, remaining: max(0, limit - used), retryAfter: nil)
    }
}
