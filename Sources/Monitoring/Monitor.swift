import HypersenderAPI
import Logging

/// Polls all accounts, and knows what is known of them.
public final class Monitor: Sendable {
    private let pollers: [Poller]
    private let time: any TimeSource
    private let start: Duration
    private let statusSet: StatusSet

    /// Brings together the pollers, in the order their accounts are shown in.
    public init(_ pollers: [Poller], time: any TimeSource, statusSet: StatusSet = .all) {
        self.pollers = pollers
        self.time = time
        start = time.now.uptime
        self.statusSet = statusSet
    }

    /// What is known of all accounts now.
    public var snapshot: Snapshot {
        Snapshot(accounts: pollers.map(\.state), statusSet: statusSet)
    }

    /// Whether every account has been polled since the start, well or badly, or has gone without for longer than data stays fresh.
    public var isReady: Bool {
        let elapsed = time.now.uptime - start
        return pollers.map(\.state).allSatisfy { $0.polls > 0 || elapsed > $0.staleAfter }
    }

    /// Polls until the calling task is cancelled, and returns then.
    ///
    /// - Parameter afterPoll: called after each poll of each account, good or bad.
    /// - Throws: `PollerIsStuck` where an account is no longer polled. The others are stopped too.
    public func run(afterPoll: @escaping @Sendable () async -> Void = {}) async throws {
        try await withThrowingTaskGroup(of: Void.self) { group in
            for poller in pollers {
                group.addTask { try await poller.run(afterPoll: afterPoll) }
            }
            // Not `waitForAll`, which would wait for the others after one has failed, and they never end by themselves.
            for try await _ in group {}
        }
    }
}
