import Basics
import Glibc
import HypersenderAPI
import Logging
import Monitoring
import Settings
import Synchronization

/// Runs a poller for every account: puts settings into effect, at the start and at each reload.
///
/// An account is known by its name. One whose settings have not changed goes on undisturbed, unless its file of
/// certificate authorities has changed. One that is polled otherwise keeps its state, unless its instances, address
/// or key are others: it is new then.
final class AccountManager: Sendable {
    private typealias State = (members: [Member], connections: [ConnectionPool.Configuration: ConnectionPool])
    private typealias Member = (settings: AccountSettings, poller: Poller, connections: ConnectionPool)

    private let monitor: Monitor
    private let time: any TimeSource
    private let logger: Logger
    /// One budget for all accounts, across reloads.
    private let budget = ResponseBudget()
    private let state = Mutex<State>(([], [:]))

    init(_ monitor: Monitor, time: any TimeSource, logger: Logger) {
        (self.monitor, self.time, self.logger) = (monitor, time, logger)
    }

    /// Accounts that can be polled, with the connections to poll them through.
    struct Plan: Sendable {
        fileprivate let accounts: [AccountSettings]
        fileprivate var connections: [ConnectionPool.Configuration: ConnectionPool] = [:]
    }

    /// Prepares to poll these accounts and no others, in this order; nothing changes yet.
    ///
    /// - Throws: `Problem`.
    func prepare(_ accounts: [AccountSettings]) throws(Problem) -> Plan {
        var plan = Plan(accounts: accounts)
        let connections = state.withLock { $0.connections }
        for settings in Set(accounts.map(\.request.connections)) {
            if let known = connections[settings], try !known.isOutdated() {
                plan.connections[settings] = known
            } else {
                plan.connections[settings] = try ConnectionPool(settings)
            }
        }
        return plan
    }

    /// Puts a plan into effect. Connections that nobody uses any more are closed.
    func apply(_ plan: Plan) {
        state.withLock { state in
            let known = Dictionary(uniqueKeysWithValues: state.members.map { ($0.settings.options.name, $0) })
            // The place among those that begin now: whoever comes alone waits for nobody.
            var index = 0
            state.members = plan.accounts.compactMap { account in
                guard let connections = plan.connections[account.request.connections] else { return nil }
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
            monitor.replace(by: state.members.map(\.poller))
            state.connections = plan.connections
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
