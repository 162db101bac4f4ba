import Exposition
public import HypersenderAPI
import Synchronization

/// Up to 64 instances of an account, consecutive by id, with the text that the page has of them.
///
/// ## How a page is made
///
/// Rendering and compressing cost by far the most, and most polls change few instances or none. So instances are kept
/// in groups that never change, and a group keeps its own text:
///
/// - A group has 64 instances. A poll that finds nothing new in them keeps the group, and with it all its text.
/// - The text is kept per format in compressed segments, one per family, which can stand in any page (`Segment`).
///   Segments are made when a page first needs them and are parts of the latest page's buffer from then on. They are
///   freed with the group, or when nobody has asked for the format for a while (`forget`).
/// - If only statuses change, a successor takes the group's place. It shares `facts`, the segments of the families
///   that do not follow the status. Those that do are divided into four parts of 16 instances from then on, and the
///   successor shares the segments of unchanged parts. (Fewer instances a part: less to make for one change. More:
///   better compression, 240 instead of 270 KB for 1,000 instances.) If all parts change, they are one again.
/// - If anything else changes, such as a name, the group is made anew.
///
/// A text is made of its own instances, labels and metrics alone, none of which can change: so it is never outdated.
///
/// A compressed page is made by the poll, not by the scrape, and is the segments in order, copied into one buffer:
/// `Snapshot.instances` puts them in order, `MetricsPage` in Endpoints keeps the buffer while all groups stay
/// the same. Plain pages are inflated from it.
public final class InstanceGroup: Sendable {
    /// The number of instances in a group; the last of an account has fewer.
    static let size = 64
    private static let partSize = 16

    /// The instances, by ascending id.
    public let instances: [TrackedInstance]
    let facts: InstanceText
    let statuses: [InstanceText]

    init(_ instances: [TrackedInstance], _ labels: Labels, _ metrics: InstanceMetrics) {
        self.instances = instances
        facts = InstanceText(instances, labels, metrics.facts)
        statuses = [InstanceText(instances, labels, metrics.statuses)]
    }

    /// Creates the successor of a group of the same instances, of which only the status or its history differs.
    private init(_ instances: [TrackedInstance], changed: [Int], following old: InstanceGroup) {
        self.instances = instances
        facts = old.facts
        let parts = stride(from: 0, to: instances.count, by: Self.partSize).map {
            $0..<min($0 + Self.partSize, instances.count)
        }
        let isChanged = parts.map { part in changed.contains { part.contains($0) } }
        let text = old.statuses[0]
        statuses =
            isChanged.allSatisfy { $0 }
            ? [text.with(instances)]
            : parts.indices.map { part in
                isChanged[part] || old.statuses.count < parts.count
                    ? text.with(Array(instances[parts[part]])) : old.statuses[part]
            }
    }

    /// All its texts.
    var texts: [InstanceText] { [facts] + statuses }

    /// Returns the group after a poll; `nil` if more than statuses has changed, and itself if nothing has.
    ///
    /// - Parameters:
    ///   - places: the places in the list at which the group's instances would be now.
    ///   - now: the end of the poll, in seconds since the Unix epoch.
    func updated(at places: ArraySlice<Int>, of list: [Instance], now: Double) -> InstanceGroup? {
        guard places.count == instances.count else { return nil }
        var changed: [(index: Int, place: Int)] = []
        let instances = instances
        let old = instances.span
        let list = list.span
        for (index, place) in places.enumerated() {
            guard old[index].instance.hasSameFacts(as: list[place]) else { return nil }
            if old[index].instance.status != list[place].status {
                changed.append((index, place))
            }
        }
        guard !changed.isEmpty else { return self }
        var new = instances
        for (index, place) in changed { new[index].update(list[place], at: now) }
        return InstanceGroup(new, changed: changed.map(\.index), following: self)
    }

    /// Returns the group with times of changes after `now` moved back to it, once the clock was set back.
    func forgettingTimes(after now: Double) -> InstanceGroup {
        let changed = instances.indices.filter { instances[$0].statusChangedAt > now }
        guard !changed.isEmpty else { return self }
        var new = instances
        for index in changed { new[index].forgetTime(after: now) }
        return InstanceGroup(new, changed: changed, following: self)
    }
}

/// Instances with the text that some metrics give of them, which is kept, compressed, for each format.
final class InstanceText: Sendable {
    private let instances: [TrackedInstance]
    /// The labels of the account.
    private let accountLabels: Labels
    private let metrics: [Metric<TrackedInstance>]
    let kept = Mutex<[ExpositionFormat: [Segment]]>([:])

    init(_ instances: [TrackedInstance], _ accountLabels: Labels, _ metrics: [Metric<TrackedInstance>]) {
        self.instances = instances
        self.accountLabels = accountLabels
        self.metrics = metrics
    }

    /// Returns the text that the same metrics give of other instances.
    func with(_ instances: [TrackedInstance]) -> InstanceText {
        InstanceText(instances, accountLabels, metrics)
    }

    /// Returns a compressed segment for each metric, without its header; an empty one for a metric without samples.
    func segments(_ format: ExpositionFormat, _ compressor: SegmentCompressor) -> [Segment] {
        if let kept = kept.withLock({ $0[format] }) { return kept }
        var writer = ExpositionWriter(format)
        let labels = instances.map { $0.labels(following: accountLabels) }
        return metrics.map { metric in
            writer.begin(metric.family, header: false)
            for index in instances.indices {
                writer.labels = labels[index]
                metric.write(instances[index], &writer)
            }
            return writer.take { Segment($0, compressor) }
        }
    }

    /// Keeps compressed segments, the page's own, for the next page.
    func keep(_ segments: [Segment], _ format: ExpositionFormat) {
        kept.withLock { $0[format] = segments }
    }

    /// Frees the segments of a format.
    func forget(_ format: ExpositionFormat) {
        kept.withLock { $0[format] = nil }
    }
}

/// An instance with the history that polls have seen of it.
public struct TrackedInstance: Sendable, Equatable {
    /// The instance as the last successful poll found it.
    public private(set) var instance: Instance
    /// The time at which a poll last found another status, in seconds since the Unix epoch; first sight counts.
    public private(set) var statusChangedAt: Double
    /// The number of changes of status seen from poll to poll.
    public private(set) var statusChanges: UInt64 = 0

    init(_ instance: Instance, firstSeen: Double) {
        self.instance = instance
        statusChangedAt = firstSeen
    }

    mutating func update(_ new: Instance, at now: Double) {
        if new.status != instance.status {
            statusChangedAt = now
            statusChanges += 1
        }
        instance = new
    }

    mutating func forgetTime(after now: Double) {
        statusChangedAt = min(statusChangedAt, now)
    }

    /// Returns the labels of all its series, after those of its account.
    func labels(following account: Labels) -> Labels {
        var labels = account
        labels.append("instance_id", instance.id)
        labels.append("instance_name", instance.name)
        return labels
    }
}
