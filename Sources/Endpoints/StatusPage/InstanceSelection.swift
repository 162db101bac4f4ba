import HypersenderAPI
import Monitoring

/// The instances that the status page shows, and the numbers of all.
struct InstanceSelection {
    /// An instance, with its account's name.
    struct Row {
        var account: String?
        var tracked: TrackedInstance

        /// The place in the list: trouble first, and among it the latest.
        fileprivate var place: (Int, Double) { (tracked.instance.status.place, -tracked.statusChangedAt) }
    }

    /// The instances of all accounts with data, by status.
    private(set) var counts = StatusCounts()
    /// The number of those that a person should look at.
    private(set) var attention = 0
    /// The statuses of those.
    private(set) var troubles: Set<InstanceStatus> = []
    /// The number of those that are starting.
    private(set) var settling = 0
    /// The number of those that match the query.
    private(set) var matched = 0
    /// The first of the matching instances, trouble first, the rest in the order of the accounts and by id.
    private(set) var rows: [Row] = []

    init(_ accounts: [AccountState], now: Moment, query: StatusQuery = StatusQuery(), maximum: Int) {
        let search = TextSearch(query.text)
        let wanted = Set(query.accounts(of: accounts).map(\.options.name))
        for account in accounts where account.isFresh(at: now.uptime) {
            let isAccountWanted = wanted.contains(account.options.name)
            for tracked in account.groups.lazy.flatMap(\.instances) {
                let instance = tracked.instance
                let needsAttention = instance.status.needsAttention(after: now.unix - tracked.statusChangedAt)
                counts.count(instance.status)
                if needsAttention {
                    attention += 1
                    troubles.insert(instance.status)
                } else if instance.status != .working {
                    settling += 1
                }
                guard isAccountWanted, query.includes(instance.status, needsAttention: needsAttention),
                    search.matches(instance.name) || search.matches(instance.id)
                else { continue }
                matched += 1
                rows.append(Row(account: account.options.name, tracked: tracked))
                // A large account is not copied as a whole.
                if rows.count >= 2 * maximum { cut(to: maximum) }
            }
        }
        cut(to: maximum)
    }

    private mutating func cut(to maximum: Int) {
        rows.sort { $0.place < $1.place }
        rows.removeLast(max(0, rows.count - maximum))
    }
}
