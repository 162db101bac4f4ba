/// What the API's header fields say of its rate limit.
public struct RateLimit: Sendable, Equatable {
    /// Requests allowed in the current window, from `X-RateLimit-Limit`.
    public var limit: Int?
    /// Requests left in the current window, from `X-RateLimit-Remaining`.
    public var remaining: Int?

    public init(limit: Int? = nil, remaining: Int? = nil) {
        self.limit = limit
        self.remaining = remaining
    }
}

/// The time at which the API says it may be asked again.
public enum RetryAdvice: Sendable, Equatable {
    /// This many seconds after the answer; above 0.
    case after(seconds: Double)
    /// At this time, in seconds since the Unix epoch.
    case at(seconds: Double)
}
