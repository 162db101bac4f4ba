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

/// When the API says it may be asked again.
public enum RetryAdvice: Sendable, Equatable {
    /// This many seconds after the answer.
    case after(seconds: Double)
    /// At this time, in seconds since the Unix epoch.
    case at(seconds: Double)

    /// Reads `Retry-After` (seconds or an HTTP date; RFC 9110, section 10.2.3), else `X-RateLimit-Reset` (seconds since the Unix epoch).
    init?(retryAfter: String?, rateLimitReset: String?) {
        if let retryAfter {
            if let seconds = UInt64(retryAfter) {
                self = .after(seconds: Double(seconds))
                return
            } else if let date = Timestamp.seconds(httpDate: retryAfter) {
                self = .at(seconds: date)
                return
            }
        }
        guard let reset = rateLimitReset.flatMap({ UInt64($0) }) else {
            return nil
        }
        self = .at(seconds: Double(reset))
    }
}
