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
