/// The list of instances, as the API returned it.
public struct InstanceList: Sendable, Equatable {
    /// The instances in the API's order, each id once.
    public var instances: [Instance] = []
    /// The number of elements that repeated an id of the same page; the first is kept.
    public var duplicates = 0
    /// The number of elements without a readable status, which are shown as `unknown`.
    public var withoutStatus = 0
    /// The number of elements without a readable id, which are left out.
    public var withoutID = 0
    /// The statuses outside the documented six, as the API spells them, each once.
    public var unknownStatuses: Set<String> = []
    /// The size of the response in bytes, after decompression, over all its pages.
    public var bytes = 0
    /// The rate limit that the last page's header fields told.
    public var rateLimit = RateLimit()
    /// The seconds since the origin gave the oldest page, as caches on the way tell it.
    public var age = 0.0

    /// The number of elements without a readable id or status.
    public var invalid: Int { withoutStatus + withoutID }
}

/// The rate limit that the API's header fields tell.
public struct RateLimit: Sendable, Equatable {
    /// Requests allowed in the current window, from `X-RateLimit-Limit`.
    public var limit: Int?
    /// Requests left in the current window, from `X-RateLimit-Remaining`.
    public var remaining: Int?

    /// Creates a rate limit; `nil` for what the API does not tell.
    public init(limit: Int? = nil, remaining: Int? = nil) {
        (self.limit, self.remaining) = (limit, remaining)
    }
}
