/// How many requests a minute a user may make, counted in minutes from the first request on, as the framework counts.
struct RequestRate: Sendable {
    /// The figures an answer carries.
    struct Verdict: Equatable, Sendable {
        /// `X-RateLimit-Limit`.
        let limit: Int
        /// `X-RateLimit-Remaining`.
        let remaining: Int
        /// Whole seconds until the next request is allowed; nil if this one is.
        let retryAfter: Int?
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
    mutating func count(at now: Duration) -> Verdict {
        if now >= windowEnd {
            windowEnd = now + .seconds(60)
            used = 0
        }
        if isEnforced, used >= limit {
            let left = windowEnd - now
            let seconds = Int(left.components.seconds) + (left.components.attoseconds > 0 ? 1 : 0)
            return Verdict(limit: limit, remaining: 0, retryAfter: seconds)
        }
        used += 1
        return Verdict(limit: limit, remaining: max(0, limit - used), retryAfter: nil)
    }
}
