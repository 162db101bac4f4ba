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

    /// Writes all families about accounts and instances.
    ///
    /// - Parameter uptime: the time at which staleness is judged.
    public func write(to writer: inout ExpositionWriter, uptime: Duration) {
        for family in AccountFamily.all {
            writer.begin(family.family)
            for account in accounts {
                family.write(account, uptime, &writer)
            }
        }
        let fresh = accounts.filter { $0.isFresh(at: uptime) }
        for family in InstanceFamily.all {
            writer.begin(family.family)
            for account in fresh {
                for instance in account.instances {
                    family.write(instance, statusSet, &writer)
                }
            }
        }
    }

    /// The first uptime after `uptime` at which what is written changes without another poll: when some account's data becomes stale.
    public func changes(after uptime: Duration) -> Duration? {
        accounts.compactMap { account in
            account.isFresh(at: uptime) ? account.lastSuccess.map { $0.uptime + account.staleAfter } : nil
        }.min()
    }

    /// All families that `write` may write, in its order.
    public static let families = AccountFamily.all.map(\.family) + InstanceFamily.all.map(\.family)
}
