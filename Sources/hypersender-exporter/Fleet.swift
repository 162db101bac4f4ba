import Glibc
import HypersenderAPI
import Logging
import Monitoring
import Settings

/// All accounts as they are polled: puts settings into effect, at the start and at each reload.
///
/// An account is known by its name. One whose settings have not changed goes on undisturbed, unless the file of certificate authorities has. One that is to be polled otherwise keeps what is
/// known of it, unless other instances are asked for, or elsewhere: it is new then. One that is gone is forgotten.
actor Fleet {
    private struct Member {
        var settings: AccountSettings
        var poller: Poller
        var connections: ConnectionPool
    }

    private let monitor: Monitor
    private let time: any TimeSource
    private let logger: Logger
    /// One for all, across reloads.
    private let budget = ResponseBudget()
    private var members: [Member] = []
    private var connections: [ConnectionPool.Configuration: ConnectionPool] = [:]

    init(_ monitor: Monitor, time: any TimeSource, logger: Logger) {
        self.monitor = monitor
        self.time = time
        self.logger = logger
    }

    /// Accounts that can be polled, and what they will be asked through.
    struct Plan: Sendable {
        fileprivate var accounts: [(settings: AccountSettings, request: APIConfiguration)]
        fileprivate var connections: [ConnectionPool.Configuration: ConnectionPool]
        /// Those of them that are not in use yet.
        fileprivate var new: [ConnectionPool]
    }

    /// Prepares to poll these accounts and no others, in this order; nothing changes yet. What is not put into effect must be discarded.
    ///
    /// - Throws: `ClientSetupError`.
    func prepare(_ accounts: [AccountSettings]) async throws(ClientSetupError) -> Plan {
        var plan = Plan(accounts: [], connections: [:], new: [])
        for account in accounts {
            do throws(ProxyError) {
                let request = try account.polling.client(
                    baseURL: account.baseURL, token: account.token,
                    userAgent: "hypersender-exporter/\(BuildInformation.version)")
                plan.accounts.append((account, request))
            } catch {
                throw ClientSetupError(error.description)
            }
        }
        do throws(ClientSetupError) {
            for settings in plan.accounts.map(\.request.connections) where plan.connections[settings] == nil {
                if let known = connections[settings], try !known.isOutdated() {
                    plan.connections[settings] = known
                } else {
                    let new = try ConnectionPool(settings)
                    plan.connections[settings] = new
                    plan.new.append(new)
                }
            }
        } catch {
            await discard(plan)
            throw error
        }
        return plan
    }

    /// Gives up a plan.
    func discard(_ plan: Plan) async {
        for connections in plan.new {
            await connections.shutdown()
        }
    }

    /// Puts a plan into effect.
    func apply(_ plan: Plan) async {
        var known = Dictionary(uniqueKeysWithValues: members.map { ($0.settings.name, $0) })
        var new: [Member] = []
        for (index, (account, request)) in plan.accounts.enumerated() {
            let member = known.removeValue(forKey: account.name)
            guard let connections = plan.connections[request.connections] else {
                continue
            }
            if let member, member.settings == account, member.connections === connections {
                new.append(member)
            } else {
                // Of an account elsewhere, or of other instances, nothing is known: it is a new one.
                let old = member?.poller.stop()
                let isSame = member.map { account.hasSameInstances(as: $0.settings) } ?? false
                let state = isSame ? old : nil
                let start = PollStart(
                    index: index, of: plan.accounts.count, interval: account.polling.interval,
                    staleAfter: account.polling.staleAfter)
                new.append(
                    Member(
                        settings: account,
                        poller: poller(
                            account, HypersenderClient(request, connections: connections, budget: budget),
                            state: state, start: start),
                        connections: connections))
            }
        }
        members = new
        monitor.replace(by: new.map(\.poller))
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
        let polling = account.polling
        return Poller(
            state?.with(interval: polling.interval, staleAfter: polling.staleAfter)
                ?? AccountState(name: account.name, interval: polling.interval, staleAfter: polling.staleAfter),
            lister: client, timeout: polling.timeout, time: time, logger: logger, start: start,
            executor: PollingLoop.shared,
            onStuck: { [logger] error in
                logger.critical("The exporter cannot go on", metadata: ["error": "\(error)"])
                _exit(EXIT_FAILURE)
            })
    }
}
