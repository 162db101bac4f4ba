import Glibc
import HypersenderAPI
import Logging
import Monitoring
import Settings

/// Runs a poller for every account: puts settings into effect, at the start and at each reload.
///
/// An account is known by its name. One whose settings have not changed goes on undisturbed, unless its file of
/// certificate authorities has changed. One that is polled otherwise keeps its state, unless its instances, address
/// or key are others: it is new then.
actor AccountManager {
    private struct Member {
        var settings: AccountSettings
        var poller: Poller
        var connections: ConnectionPool
    }

    private let monitor: Monitor
    private let statusSet: StatusSet
    private let time: any TimeSource
    private let logger: Logger
    /// One budget for all accounts, across reloads.
    private let budget = ResponseBudget()
    private var members: [Member] = []
    private var connections: [ConnectionPool.Configuration: ConnectionPool] = [:]

    init(_ monitor: Monitor, statusSet: StatusSet, time: any TimeSource, logger: Logger) {
        (self.monitor, self.statusSet, self.time, self.logger) = (monitor, statusSet, time, logger)
    }

    /// Accounts that can be polled, with the connections to poll them through.
    struct Plan: Sendable {
        fileprivate typealias Entry = (
            settings: AccountSettings, request: APIConfiguration, connections: ConnectionPool
        )

        fileprivate var accounts: [Entry] = []
        fileprivate var connections: [ConnectionPool.Configuration: ConnectionPool] = [:]
        /// The connections that are not in use yet.
        fileprivate var new: [ConnectionPool] = []
    }

    /// Prepares to poll these accounts and no others, in this order; nothing changes yet.
    ///
    /// - Returns: a plan to apply or to discard.
    /// - Throws: `ClientSetupError`.
    func prepare(_ accounts: [AccountSettings]) async throws(ClientSetupError) -> Plan {
        var plan = Plan()
        do throws(ClientSetupError) {
            for account in accounts {
                try add(account, to: &plan)
            }
        } catch {
            await discard(plan)
            throw error
        }
        return plan
    }

    private func add(_ account: AccountSettings, to plan: inout Plan) throws(ClientSetupError) {
        let request: APIConfiguration
        do throws(ProxyError) {
            request = try account.client(userAgent: "hypersender-exporter/\(BuildInformation.version)")
        } catch {
            throw ClientSetupError(error.description)
        }
        let settings = request.connections
        let connections: ConnectionPool
        if let planned = plan.connections[settings] {
            connections = planned
        } else if let known = self.connections[settings], try !known.isOutdated() {
            connections = known
        } else {
            connections = try ConnectionPool(settings)
            plan.new.append(connections)
        }
        plan.connections[settings] = connections
        plan.accounts.append((account, request, connections))
    }

    /// Gives up a plan.
    func discard(_ plan: Plan) async {
        for connections in plan.new {
            await connections.shutdown()
        }
    }

    /// Puts a plan into effect.
    func apply(_ plan: Plan) async {
        let known = Dictionary(uniqueKeysWithValues: members.map { ($0.settings.name, $0) })
        members = plan.accounts.enumerated().map { index, planned in
            let (account, request, connections) = planned
            let member = known[account.name]
            if let member, member.settings == account, member.connections === connections { return member }
            let state = member?.poller.stop()
            let isSame = member.map { account.hasSameInstances(as: $0.settings) } ?? false
            let start = PollStart(
                index: index, of: plan.accounts.count, interval: account.polling.interval,
                staleAfter: account.polling.staleAfter)
            let client = HypersenderClient(request, connections: connections, budget: budget)
            return Member(
                settings: account, poller: poller(account, client, state: isSame ? state : nil, start: start),
                connections: connections)
        }
        monitor.replace(by: members.map(\.poller))
        let unused = connections.filter { plan.connections[$0.key] !== $0.value }
        connections = plan.connections
        for connections in unused.values {
            await connections.shutdown()
        }
    }

    /// Closes all connections, once nothing is polled any more.
    func shutdown() async {
        for connections in connections.values {
            await connections.shutdown()
        }
        connections = [:]
    }

    private func poller(
        _ account: AccountSettings, _ client: HypersenderClient, state: AccountState?, start: PollStart
    ) -> Poller {
        let (interval, staleAfter) = (account.polling.interval, account.polling.staleAfter)
        var options = Poller.Options(timeout: account.polling.timeout)
        options.start = start
        options.executor = PollingLoop.shared
        options.onStuck = { [logger] error in
            logger.critical("Fatal error; exiting", metadata: ["error": "\(error)"])
            _exit(EXIT_FAILURE)
        }
        return Poller(
            state?.with(interval: interval, staleAfter: staleAfter)
                ?? AccountState(name: account.name, interval: interval, staleAfter: staleAfter, statusSet: statusSet),
            lister: client, time: time, logger: logger, options: options)
    }
}
