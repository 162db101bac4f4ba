import Exposition
public import HypersenderAPI

/// The state of one account: the outcome of its polls, its instances, and their history.
///
/// A value that changes only by `record`; it neither reads a clock nor does any I/O.
public struct AccountState: Sendable {
    /// The settings.
    public private(set) var options: AccountOptions

    /// The number of completed polls, successful or not.
    public private(set) var polls: UInt64 = 0
    /// The number of failed polls by reason.
    private(set) var failures: [APIError.Reason: UInt64] = [:]
    /// The durations of polls, in seconds.
    private(set) var durations = Histogram(bounds: [0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30])
    /// The end of the last poll.
    public private(set) var lastPoll: Moment?
    /// The uptime at which the next poll begins; `nil` if that is not known yet.
    public internal(set) var nextPoll: Duration?
    /// The time of the data: the end of the last successful poll, minus the age that caches gave its response.
    public private(set) var lastSuccess: Moment?
    /// The latest time that the wall clock showed at the end of a poll, since it was last set back.
    private var latest = -Double.infinity
    /// The error of the last poll; `nil` if it succeeded, or before the first.
    public private(set) var lastError: APIError?
    /// The end of the first failed poll since the last success; `nil` if no poll has failed since.
    public private(set) var failingSince: Moment?
    /// The decompressed size of the last list, in bytes.
    private(set) var responseBytes: Int?
    /// The rate limit in the last poll's response.
    public private(set) var rateLimit = RateLimit()
    /// The elements of the last successful list that repeated an id; `nil` before the first.
    private(set) var duplicates: Int?
    /// The elements of the last successful list without a readable id or status; `nil` before the first.
    public private(set) var invalid: Int?
    /// The instances seen with a status outside the documented six, added up over all polls.
    private(set) var unknownStatuses: UInt64 = 0
    /// The instances of the last successful poll, by ascending id.
    public private(set) var groups: [InstanceGroup] = []
    /// The places of those instances in the list.
    private var order: [Int] = []
    /// The number of those instances by status.
    public private(set) var counts = StatusCounts()
    /// The labels of all series of this account, before any others.
    private(set) var labels: Labels
    private let metrics: InstanceMetrics

    /// Creates an account that has not been polled yet.
    public init(_ options: AccountOptions) {
        self.options = options
        labels = Self.labels(options)
        metrics = options.statusSet == .all ? .all : .current
    }

    /// Returns the state with other settings. Other labels make other series, with the history of those before.
    ///
    /// Name and status set must be the same: no reload changes them.
    public func with(_ options: AccountOptions) -> AccountState {
        var state = self
        state.options = options
        state.nextPoll = nil
        guard options.labels != self.options.labels else { return state }
        state.labels = Self.labels(options)
        state.groups = groups.map { InstanceGroup($0.instances, state.labels, metrics) }
        return state
    }

    /// Frees the compressed text of all instances in a format.
    func forget(_ format: ExpositionFormat) {
        groups.flatMap(\.texts).forEach { $0.forget(format) }
    }

    private static func labels(_ options: AccountOptions) -> Labels {
        var labels = options.name.map { Labels(["account": $0]) } ?? .none
        for (name, value) in options.labels.sorted(by: { $0.key < $1.key }) {
            labels.append(name, value)
        }
        return labels
    }

    /// Records the result of a poll.
    public mutating func record(_ result: Result<ListResponse, APIError>, started: Moment, ended: Moment) {
        polls += 1
        lastPoll = ended
        if ended.unix < latest {
            groups = groups.map { $0.forgettingTimes(after: ended.unix) }
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
        // A cache may give an older response than the one before; the data does not become older by that.
        let given = ended.uptime - .seconds(age)
        let uptime = lastSuccess.map { max($0.uptime, given) } ?? given
        lastSuccess = Moment(unix: ended.unix - (ended.uptime - uptime).seconds, uptime: uptime)
        lastError = nil
        failingSince = nil
        self.rateLimit = rateLimit
        unknownStatuses += UInt64(counts[.unknown])
    }

    /// Returns whether there is data that is recent enough to be shown.
    public func isFresh(at uptime: Duration) -> Bool {
        lastSuccess.map { uptime - $0.uptime <= options.maximumAge } ?? false
    }

    /// Returns whether the last poll succeeded and its data is fresh.
    public func isUp(at uptime: Duration) -> Bool {
        lastError == nil && isFresh(at: uptime)
    }

    /// The instances of the last successful poll, by ascending id.
    var instances: [TrackedInstance] { groups.flatMap(\.instances) }

    /// Takes over a list. Instances that are gone lose their history; one that returns is new.
    private mutating func replaceInstances(by list: [Instance], at now: Double) {
        if !hasOrder(of: list) { order = Self.places(byID: list) }
        // Needed only if other instances are listed, or one under another name.
        lazy var known = Dictionary(instances.map { (UTF8Key($0.instance.id), $0) }) { first, _ in first }
        groups = stride(from: 0, to: order.count, by: InstanceGroup.size).map { start in
            let places = order[start..<min(start + InstanceGroup.size, order.count)]
            let index = start / InstanceGroup.size
            if index < groups.count, let group = groups[index].updated(at: places, of: list, now: now) {
                return group
            }
            let instances = places.map { place in
                var tracked = known[UTF8Key(list[place].id)] ?? TrackedInstance(list[place], firstSeen: now)
                tracked.update(list[place], at: now)
                return tracked
            }
            return InstanceGroup(instances, labels, metrics)
        }
        counts = StatusCounts(list)
    }

    /// Returns whether a list has the instances of the last one, with the same facts at the same places.
    private func hasOrder(of list: [Instance]) -> Bool {
        guard order.count == list.count else { return false }
        // Elements of a span are compared where they are; those of an array would be copied first.
        let list = list.span
        var next = 0
        for group in groups {
            let instances = group.instances
            let known = instances.span
            for index in known.indices {
                guard known[index].instance.hasSameFacts(as: list[order[next]]) else { return false }
                next += 1
            }
        }
        return true
    }

    /// Returns the places of instances in a list, by ascending id.
    private static func places(byID list: [Instance]) -> [Int] {
        list.indices.sorted { UTF8Key(list[$0].id) < UTF8Key(list[$1].id) }
    }
}
