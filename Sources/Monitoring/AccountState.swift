public import Exposition
public import HypersenderAPI

/// What is known of one account: the outcome of its polls, its instances, and their history.
///
/// A value that changes only by `record`; it neither reads a clock nor does any I/O.
public struct AccountState: Sendable {
    /// The name the user gave; nil where there is just one account without a name.
    public let name: String?
    /// The configured distance of two polls.
    public private(set) var interval: Duration
    /// How old the last success may be before its data is withdrawn.
    public private(set) var staleAfter: Duration

    /// Polls finished, good or bad.
    public private(set) var polls: UInt64 = 0
    /// Polls that failed, by reason; a reason that never was is missing.
    public private(set) var failures: [APIError.Reason: UInt64] = [:]
    /// How long polls took, in seconds.
    public private(set) var durations = Histogram(bounds: [0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30])
    /// When the last poll ended.
    public private(set) var lastPoll: Moment?
    /// The time of the data: the end of the last poll that succeeded, less the age that caches on the way gave its answer.
    public private(set) var lastSuccess: Moment?
    /// The latest time that the wall clock showed at the end of a poll, since it was last set back.
    private var latest = -Double.infinity
    /// Why the last poll failed; nil where it succeeded, or where there was none yet.
    public private(set) var lastError: APIError?
    /// When the first of the polls ended that have failed without a success since; nil where the last succeeded, or there was none.
    public private(set) var failingSince: Moment?
    /// The size of the last list that was read, in bytes after decompression.
    public private(set) var responseBytes: Int?
    /// What the last answer said of the rate limit.
    public private(set) var rateLimit = RateLimit()
    /// Elements of the last good list that repeated an id; nil before there was one.
    public private(set) var duplicates: Int?
    /// The elements of the last good list without a readable id or status; `nil` before there was one.
    public private(set) var invalid: Int?
    /// Instances seen with a status outside the documented six, added up over all polls.
    public private(set) var unknownStatuses: UInt64 = 0
    /// The instances of the last good poll, by ascending id, in groups.
    public private(set) var groups: [InstanceGroup] = []
    /// The places they had in the list.
    private var order: [Int] = []
    /// The number of those instances by status.
    public private(set) var counts: [InstanceStatus: Int] = [:]
    /// The labels of all series of this account that are not about an instance.
    let labels: Labels

    /// An account that has not been polled yet.
    public init(name: String? = nil, interval: Duration, staleAfter: Duration) {
        self.name = name
        self.interval = interval
        self.staleAfter = staleAfter
        labels = name.map { Labels(["account": $0]) } ?? .none
    }

    /// What is known of the account, as it goes on with other settings.
    public func with(interval: Duration, staleAfter: Duration) -> AccountState {
        var state = self
        state.interval = interval
        state.staleAfter = staleAfter
        return state
    }

    /// Takes in the result of a poll.
    public mutating func record(_ result: Result<ListResponse, APIError>, started: Moment, ended: Moment) {
        polls += 1
        lastPoll = ended
        if ended.unix < latest {
            forgetTimes(after: ended.unix)
        }
        latest = ended.unix
        durations.observe((ended.uptime - started.uptime).seconds)
        switch result {
        case .success(.list(let list)):
            responseBytes = list.bytes
            duplicates = list.duplicates
            invalid = list.invalid
            replaceInstances(by: list.instances, at: ended.unix)
            recordSuccess(list.rateLimit, age: list.age, at: ended)
        case .success(.unchanged(let rateLimit, let age)):
            precondition(lastSuccess != nil, "a list that nobody has seen cannot be unchanged")
            recordSuccess(rateLimit, age: age, at: ended)
        case .failure(let error):
            failures[error.reason, default: 0] += 1
            lastError = error
            failingSince = failingSince ?? ended
            rateLimit = error.rateLimit
        }
    }

    private mutating func recordSuccess(_ rateLimit: RateLimit, age: Double, at ended: Moment) {
        // A cache may give an older answer than another before it; the data does not become older by that.
        let given = ended.uptime - .seconds(age)
        let uptime = lastSuccess.map { max($0.uptime, given) } ?? given
        lastSuccess = Moment(unix: ended.unix - (ended.uptime - uptime).seconds, uptime: uptime)
        lastError = nil
        failingSince = nil
        self.rateLimit = rateLimit
        unknownStatuses += UInt64(counts[.unknown] ?? 0)
    }

    /// Moves times of changes that would lie in the future, once the wall clock was set back, to the present.
    private mutating func forgetTimes(after now: Double) {
        groups = groups.map { group in
            guard group.instances.contains(where: { $0.statusChangedAt > now }) else {
                return group
            }
            var instances = group.instances
            for index in instances.indices {
                instances[index].forgetTime(after: now)
            }
            return InstanceGroup(instances, facts: group.facts)
        }
    }

    /// Whether there is data that is recent enough to be shown.
    public func isFresh(at uptime: Duration) -> Bool {
        lastSuccess.map { uptime - $0.uptime <= staleAfter } ?? false
    }

    /// Whether the last poll succeeded, and not too long ago.
    public func isUp(at uptime: Duration) -> Bool {
        lastError == nil && isFresh(at: uptime)
    }

    /// The instances of the last good poll, by ascending id.
    public var instances: [TrackedInstance] {
        groups.flatMap(\.instances)
    }

    /// How many instances the last good poll found.
    var instanceCount: Int {
        groups.reduce(0) { $0 + $1.instances.count }
    }

    /// Instances that are gone lose their history; a returning one is new. A group in which nothing has changed stays the same object.
    private mutating func replaceInstances(by list: [Instance], at now: Double) {
        if !holdsOrder(of: list) {
            order = Self.places(byID: list)
        }
        var known = GroupCursor(groups)
        groups = stride(from: 0, to: order.count, by: InstanceGroup.size).map { start in
            let places = order[start..<min(start + InstanceGroup.size, order.count)]
            let index = start / InstanceGroup.size
            let old = index < groups.count ? groups[index] : nil
            let difference = old?.difference(to: places, of: list) ?? .facts
            if let old, difference == .none {
                return old
            }
            if let old, difference == .statuses {
                var instances = old.instances
                for (index, place) in places.enumerated() where instances[index].instance.status != list[place].status {
                    instances[index].update(list[place], account: name, at: now)
                }
                return InstanceGroup(instances, facts: old.facts)
            }
            return InstanceGroup(
                places.map { place in
                    var tracked =
                        known.take(list[place].id) ?? TrackedInstance(list[place], account: name, firstSeen: now)
                    tracked.update(list[place], account: name, at: now)
                    return tracked
                })
        }
        var tally = [Int](repeating: 0, count: InstanceStatus.allCases.count)
        list.withUnsafeBufferPointer { list in
            for instance in list.indices {
                tally[list[instance].status.place] += 1
            }
        }
        counts = Dictionary(uniqueKeysWithValues: InstanceStatus.allCases.map { ($0, tally[$0.place]) })
    }

    /// Whether a list has the same instances as the last one, with the same facts at the same places.
    private func holdsOrder(of list: [Instance]) -> Bool {
        guard order.count == list.count else {
            return false
        }
        return order.withUnsafeBufferPointer { order in
            list.withUnsafeBufferPointer { list in
                var next = 0
                for group in groups {
                    let isSame = group.instances.withUnsafeBufferPointer { instances in
                        for index in instances.indices {
                            let place = order[next + index]
                            guard
                                instances[index].instance.hasSameFacts(as: list[place])
                            else {
                                return false
                            }
                        }
                        return true
                    }
                    guard isSame else {
                        return false
                    }
                    next += group.instances.count
                }
                return next == list.count
            }
        }
    }

    /// The places of instances in a list, by ascending id.
    ///
    /// Most ids differ in their first eight bytes, and numbers are compared much faster than texts.
    private static func places(byID list: [Instance]) -> [Int] {
        let keys = list.indices.map { (prefix: UTF8Key(list[$0].id).prefix, place: $0) }
        return keys.sorted { first, second in
            first.prefix != second.prefix
                ? first.prefix < second.prefix
                : UTF8Key(list[first.place].id) < UTF8Key(list[second.place].id)
        }.map(\.place)
    }
}

extension InstanceStatus {
    /// A number for each status, from 0 on. To look a status up by its name would take longer than all else that is done with it.
    fileprivate var place: Int {
        switch self {
        case .stopped: 0
        case .starting: 1
        case .working: 2
        case .scanQRCode: 3
        case .failed: 4
        case .pending: 5
        case .unknown: 6
        }
    }
}

/// Some instances of an account that stand next to each other.
///
/// A group never changes: where one of its instances does, another group takes its place. So what was made of a group, such as a
/// part of a page, holds for as long as the group is there.
public final class InstanceGroup: Sendable {
    /// How many instances make a group; the last of an account has fewer.
    ///
    /// The fewer, the less is made anew for one change; the more, the better a group compresses.
    public static let size = 16

    /// By ascending id.
    public let instances: [TrackedInstance]
    /// The same object in all groups, one after the other, that say the same of the same instances but for the status and its history.
    let facts: Facts

    /// What instances are known by; it holds nothing, and stands for it.
    final class Facts: Sendable {}

    init(_ instances: [TrackedInstance], facts: Facts? = nil) {
        self.instances = instances
        self.facts = facts ?? Facts()
    }

    /// What a poll has new to say of a group.
    enum Difference {
        case none
        /// Nothing but the status of some instances.
        case statuses
        case facts
    }

    /// What is new in the instances at these places of a list.
    func difference(to places: ArraySlice<Int>, of list: [Instance]) -> Difference {
        guard instances.count == places.count else {
            return .facts
        }
        var difference = Difference.none
        // Elements of a buffer are compared where they are; those of an array would be copied first, with all their texts.
        return instances.withUnsafeBufferPointer { instances in
            list.withUnsafeBufferPointer { list in
                for (index, place) in places.enumerated() {
                    guard
                        instances[index].instance.hasSameFacts(as: list[place])
                    else {
                        return .facts
                    }
                    if instances[index].instance.status != list[place].status {
                        difference = .statuses
                    }
                }
                return difference
            }
        }
    }
}

/// Finds instances among the groups of an account by ascending id.
private struct GroupCursor {
    private let groups: [InstanceGroup]
    private var group = 0
    private var place = 0

    init(_ groups: [InstanceGroup]) {
        self.groups = groups
    }

    /// The instance with this id; nil where there is none. Ids asked for must ascend.
    mutating func take(_ id: String) -> TrackedInstance? {
        let id = UTF8Key(id)
        while group < groups.count {
            let instances = groups[group].instances
            // A group that ends before the id is passed over as a whole.
            if let last = instances.last, UTF8Key(last.instance.id) >= id {
                while UTF8Key(instances[place].instance.id) < id {
                    place += 1
                }
                return UTF8Key(instances[place].instance.id) == id ? instances[place] : nil
            }
            group += 1
            place = 0
        }
        return nil
    }
}

/// An instance together with what polls have seen of it over time.
public struct TrackedInstance: Sendable, Equatable {
    public private(set) var instance: Instance
    /// When a poll last saw another status than the one before, in seconds since the Unix epoch; first sight counts.
    public private(set) var statusChangedAt: Double
    /// Changes of status seen between polls.
    public private(set) var statusChanges: UInt64 = 0
    /// The labels of all series of this instance, escaped once.
    private(set) var labels: Labels

    init(_ instance: Instance, account: String?, firstSeen: Double) {
        self.instance = instance
        statusChangedAt = firstSeen
        labels = Self.labels(instance, account)
    }

    mutating func update(_ new: Instance, account: String?, at now: Double) {
        if new.status != instance.status {
            statusChangedAt = now
            statusChanges += 1
        }
        if UTF8Key(new.name) != UTF8Key(instance.name) {
            labels = Self.labels(new, account)
        }
        instance = new
    }

    mutating func forgetTime(after now: Double) {
        statusChangedAt = min(statusChangedAt, now)
    }

    private static func labels(_ instance: Instance, _ account: String?) -> Labels {
        var labels = account.map { Labels(["account": $0]) } ?? .none
        labels.append("instance_id", instance.id)
        labels.append("instance_name", instance.name)
        return labels
    }
}
