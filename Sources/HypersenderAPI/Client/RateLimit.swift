/// The rate limit that the API's header fields tell.
public struct RateLimit: Sendable, Equatable {
    /// Requests allowed in the current window, from `X-RateLimit-Limit`.
    public var limit: Int?
    /// Requests left in the current window, from `X-RateLimit-Remaining`.
    public var remaining: Int?

    /// Creates a rate limit; `nil` for what the API does not tell.
    public init(limit: Int? = nil, remaining: Int? = nil) {
        self.limit = limit
        self.remaining = remaining
    }
}

/// The time at which the API says it may be asked again.
public enum RetryAdvice: Sendable, Equatable {
    /// This many seconds after the response; above 0.
    case after(seconds: Double)
    /// At this time, in seconds since the Unix epoch.
    case at(seconds: Double)
}
