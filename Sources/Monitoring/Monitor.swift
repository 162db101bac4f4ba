import HypersenderAPI
import Logging
import Synchronization

/// Polls all accounts, and knows what is known of them.
public final class Monitor: Sendable {
    private let pollers: Mutex<[Poller]>
    /// Pollers to be run besides those that are.
    private let (added, adding) = AsyncStream.makeStream(of: Poller.self)
    private let time: any TimeSource
    private let start: Duration
    private let statusSet: StatusSet

    /// Brings together the pollers, in the order their accounts are shown in.
    public init(_ pollers: [Poller], time: any TimeSource, statusSet: StatusSet = .all) {
        self.pollers = Mutex(pollers)
        self.time = time
        start = time.now.uptime
        self.statusSet = statusSet
        for poller in pollers {
            adding.yield(poller)
        }
    }

    /// What is known of all accounts now.
    public var snapshot: Snapshot {
        Snapshot(accounts: pollers.withLock { $0 }.map(\.state), statusSet: statusSet)
    }

    /// Whether every account has been polled since the start, well or badly, or has gone without for longer than data stays fresh.
    public var isReady: Bool {
        let elapsed = time.now.uptime - start
        return snapshot.accounts.allSatisfy { $0.polls > 0 || elapsed > $0.staleAfter }
    }

    /// Puts other pollers in the place of those there are, all at once. Those that are among both go on undisturbed.
    public func replace(by new: [Poller]) {
        let old = pollers.withLock { pollers in
            defer { pollers = new }
            return pollers
        }
        for poller in old where !new.contains(where: { $0 === poller }) {
            poller.stop()
        }
        for poller in new where !old.contains(where: { $0 === poller }) {
            adding.yield(poller)
        }
    }

    /// Polls until the calling task is cancelled, and returns then. To be called once.
    ///
    /// - Parameter afterPoll: called after each poll of each account, good or bad.
    /// - Throws: `PollerIsStuck` where an account is no longer polled. The others are stopped too.
    public func run(afterPoll: @escaping @Sendable () async -> Void = {}) async throws {
        try await withThrowingDiscardingTaskGroup { group in
            for await poller in added {
                group.addTask {
                    do {
                        try await poller.run(afterPoll: afterPoll)
                    } catch {
                        // The group ends its other children then, but not this loop.
                        self.adding.finish()
                        throw error
                    }
                }
            }
        }
    }
}
