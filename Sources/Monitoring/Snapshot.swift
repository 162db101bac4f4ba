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
        _ format: ExpositionFormat, _ compressor: SegmentCompressor?, uptime: Duration
    ) -> Segment {
        var writer = ExpositionWriter(format)
        for metric in AccountReading.metrics {
            writer.begin(metric.family)
            for account in accounts {
                writer.labels = account.labels
                metric.write(AccountReading(account: account, uptime: uptime), &writer)
            }
        }
        return Segment(writer.bytes, compressor)
    }

    /// Returns the instances to show, in the order of the page: those of accounts whose data is fresh.
    public func groups(uptime: Duration) -> [InstanceGroup] {
        accounts.filter { $0.isFresh(at: uptime) }.flatMap(\.groups)
    }

    /// Returns the families about instances, a header and the segments of all groups for each.
    public static func instanceSegments(
        of groups: [InstanceGroup], _ format: ExpositionFormat, _ compressor: SegmentCompressor?
    ) -> SegmentedBody {
        let texts = groups.flatMap(\.texts).map { $0.segments(format, compressor) }
        var body = SegmentedBody()
        for (index, family) in InstanceMetrics.all.families.enumerated() {
            guard texts.contains(where: { !$0[index].isEmpty }) else { continue }
            body.append(Segment(family.header(format), compressor))
            for text in texts.indices {
                body.append(texts[text][index])
            }
        }
        return body
    }

    /// Frees the compressed text of a format that nobody asks for any more.
    public func forget(_ format: ExpositionFormat) {
        accounts.flatMap(\.groups).flatMap(\.texts).forEach { $0.forget(format) }
    }

    /// Returns the first uptime at which the page changes without a poll: some account's data becomes stale then.
    public func changes(after uptime: Duration) -> Duration? {
        accounts.compactMap { account in
            account.isFresh(at: uptime) ? account.lastSuccess.map { $0.uptime + account.staleAfter } : nil
        }.min()
    }
}
