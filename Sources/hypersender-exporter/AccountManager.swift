import Basics
import Glibc
import HypersenderAPI
import Logging
import Monitoring
import Settings
import Synchronization

/// Runs a poller for every account: puts settings into effect, at the start and at each reload.
///
/// An account is known by its name. If neither its settings nor its file of certificate authorities have changed, it
/// keeps its poller. If they have, a new poller takes over its state, unless the base URL, the key, the filter or the
/// part of phone numbers that is kept has changed: it starts afresh then.
final class AccountManager: Sendable {
    private typealias Member = (settings: AccountSettings, poller: Poller, connections: ConnectionPool)

    private let monitor: Monitor
    private let time: any TimeSource
    private let logger: Logger
    /// One budget for all accounts, across reloads.
    private let budget = ResponseBudget()
    private let members = Mutex<[Member]>([])

    init(_ monitor: Monitor, time: any TimeSource, logger: Logger) {
        (self.monitor, self.time, self.logger) = (monitor, time, logger)
    }

    /// Accounts that can be polled, with the connections to poll them through.
    struct Plan: Sendable {
        fileprivate var accounts: [(settings: AccountSettings, connections: ConnectionPool)] = []
    }

    /// Prepares to poll these accounts and no others, in this order; nothing changes yet.
    ///
    /// - Throws: `Problem`.
    func prepare(_ accounts: [AccountSettings]) throws(Problem) -> Plan {
        let known = Dictionary(
            members.withLock { $0.map { ($0.settings.request.connections, $0.connections) } }, uniquingKeysWith: { $1 })
        var pools: [ConnectionPool.Configuration: ConnectionPool] = [:]
        var plan = Plan()
        for account in accounts {
            let settings = account.request.connections
            let connections =
                if let pool = pools[settings] {
                    pool
                } else if let old = known[settings], try !old.isOutdated() {
                    old
                } else {
                    try ConnectionPool(settings)
                }
            pools[settings] = connections
            plan.accounts.append((account, connections))
        }
        return plan
    }

    /// Puts a plan into effect. Connections that nobody uses any more are closed.
    func apply(_ plan: Plan) {
        members.withLock { members in
            let known = Dictionary(uniqueKeysWithValues: members.map { ($0.settings.options.name, $0) })
            // The place among the pollers that start now: a single one starts at once.
            var index = 0
            members = plan.accounts.map { account, connections in
                let member = known[account.options.name]
                if let member, member.settings == account, member.connections === connections { return member }
                let last = member?.poller.stop()
                let isSame = member.map { account.hasSameInstances(as: $0.settings) } ?? false
                let start = PollStart(
                    index: index, of: plan.accounts.count, interval: account.options.interval,
                    staleAfter: account.options.maximumAge)
                index += 1
                return (account, poller(account, connections, isSame ? last : nil, start), connections)
            }
            monitor.replace(by: members.map(\.poller))
        }
    }

    private func poller(
        _ account: AccountSettings, _ connections: ConnectionPool, _ state: AccountState?, _ start: PollStart
    ) -> Poller {
        var request = account.request
        request.userAgent += "/\(BuildInformation.version)"
        var options = Poller.Options(timeout: request.timeout)
        options.start = start
        options.executor = PollingLoop.shared
        options.onStuck = { [logger] error in
            logger.critical("Fatal error; exiting", metadata: ["error": "\(error)"])
            _exit(EXIT_FAILURE)
        }
        return Poller(
            state?.with(account.options) ?? AccountState(account.options),
            lister: HypersenderClient(request, connections: connections, budget: budget), time: time, logger: logger,
            options: options)
    }
}
