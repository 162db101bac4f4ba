/// A bucket of tokens, to which one is added in every interval until it is full. Decides only.
struct TokenBucket: Sendable {
    let limit: RequestRateLimit
    /// The time at which the bucket was or will be empty: it is full from `burst` intervals after that on.
    private var emptyAt: ContinuousClock.Instant

    /// A full bucket.
    init(_ limit: RequestRateLimit, now: ContinuousClock.Instant) {
        self.limit = limit
        emptyAt = now - limit.interval * limit.burst
    }

    /// Takes a token if there is one.
    mutating func take(now: ContinuousClock.Instant) -> Bool {
        let start = max(emptyAt, now - limit.interval * limit.burst)
        guard start + limit.interval <= now else { return false }
        emptyAt = start + limit.interval
        return true
    }
}
