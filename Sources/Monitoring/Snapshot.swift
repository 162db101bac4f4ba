public import Exposition

/// What is known of all accounts at one time.
public struct Snapshot: Sendable {
    /// In the order the user gave them.
    public let accounts: [AccountState]
    /// How many instance series are written.
    public let statusSet: StatusSet

    public init(accounts: [AccountState], statusSet: StatusSet = .all) {
        self.accounts = accounts
        self.statusSet = statusSet
    }

    /// Writes all families about accounts, which every poll changes.
    ///
    /// - Parameter uptime: the time at which staleness is judged.
    public func writeAccounts(to writer: inout ExpositionWriter, uptime: Duration) {
        for family in AccountFamily.all {
            writer.begin(family.family)
            for account in accounts {
                family.write(account, uptime, &writer)
            }
        }
    }

    /// The instances to show, in the order they are written in: those of accounts whose data is fresh.
    public func groups(uptime: Duration) -> [InstanceGroup] {
        accounts.filter { $0.isFresh(at: uptime) }.flatMap(\.groups)
    }

    /// Writes what one family about instances says of a group, without the family's header.
    ///
    /// - Parameter family: an index of `instanceFamilies`.
    public func write(_ group: InstanceGroup, family: Int, to writer: inout ExpositionWriter) {
        let family = InstanceFamily.all[family]
        writer.begin(family.family, continued: true)
        group.instances.withUnsafeBufferPointer { instances in
            for index in instances.indices {
                family.write(instances, index, statusSet, &writer)
            }
        }
    }

    /// The first uptime after `uptime` at which what is written changes without another poll: when some account's data becomes stale.
    public func changes(after uptime: Duration) -> Duration? {
        accounts.compactMap { account in
            account.isFresh(at: uptime) ? account.lastSuccess.map { $0.uptime + account.staleAfter } : nil
        }.min()
    }

    /// All families about accounts, in their order.
    public static let accountFamilies = AccountFamily.all.map(\.family)
    /// All families about instances, in their order; they follow those about accounts.
    public static let instanceFamilies = InstanceFamily.all.map(\.family)
}
