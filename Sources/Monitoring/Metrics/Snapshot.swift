public import Exposition

/// The state of all accounts at one time, from which the metrics page is made.
public struct Snapshot: Sendable {
    /// The accounts in the order the user gave them.
    public let accounts: [AccountState]

    /// Brings together the accounts.
    public init(accounts: [AccountState]) {
        self.accounts = accounts
    }

    /// Returns the families about accounts, which every poll changes. They come first on the page.
    ///
    /// - Parameter uptime: the time at which freshness is judged.
    public func accountSegment(
        _ format: ExpositionFormat, _ compressor: SegmentCompressor, uptime: Duration
    ) -> Segment {
        var writer = ExpositionWriter(format)
        // Made once: to copy an account for each family would cost as much as to write it.
        let readings = accounts.map { AccountReading(account: $0, uptime: uptime) }
        for metric in AccountReading.metrics {
            writer.begin(metric.family)
            for index in readings.indices {
                writer.labels = readings[index].account.labels
                metric.write(readings[index], &writer)
            }
        }
        return Segment(writer.bytes, compressor)
    }

    /// Returns the instances to show, in the order of the page: those of accounts whose data is fresh.
    public func groups(uptime: Duration) -> [InstanceGroup] {
        accounts.filter { $0.isFresh(at: uptime) }.flatMap(\.groups)
    }

    /// Returns the families about instances, compressed: a header and the segments of all groups for each.
    ///
    /// The texts keep their segments as parts of this body, so that each stands in memory once.
    public static func instances(
        of groups: [InstanceGroup], _ format: ExpositionFormat, _ compressor: SegmentCompressor
    ) -> SegmentedBody {
        let texts = [groups.map(\.facts), groups.flatMap(\.statuses)]  // Each kind has families of its own.
        var segments = texts.map { $0.map { $0.segments(format, compressor) } }
        let families = InstanceMetrics.all.families
        let body = SegmentedBody(
            families.flatMap { family, followsStatus, place in
                let ofFamily = segments[followsStatus ? 1 : 0].map { $0[place] }
                let isShown = ofFamily.contains { !$0.isEmpty }
                return [isShown ? Segment(family.header(format), compressor) : .empty] + ofFamily
            })
        var rest = body.segments[...]
        for (_, followsStatus, place) in families {
            rest.removeFirst()
            let kind = followsStatus ? 1 : 0
            for text in texts[kind].indices { segments[kind][text][place] = rest.removeFirst() }
        }
        zip(texts.joined(), segments.joined()).forEach { $0.keep($1, format) }
        return body
    }

    /// Frees the compressed text of a format that nobody asks for any more.
    public func forget(_ format: ExpositionFormat) {
        accounts.forEach { $0.forget(format) }
    }

    /// Frees the compressed text of accounts that are not on the page: it would keep an earlier page in memory.
    public func forgetStale(_ format: ExpositionFormat, uptime: Duration) {
        accounts.filter { !$0.isFresh(at: uptime) }.forEach { $0.forget(format) }
    }

    /// Returns the first uptime at which the page changes without a poll: some account's data becomes stale then.
    public func changes(after uptime: Duration) -> Duration? {
        accounts.compactMap { account in
            account.isFresh(at: uptime) ? account.lastSuccess.map { $0.uptime + account.options.maximumAge } : nil
        }.min()
    }
}
