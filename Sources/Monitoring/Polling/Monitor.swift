import HypersenderAPI
import Logging
import Synchronization

/// Runs the pollers of all accounts and provides a snapshot of their state.
public final class Monitor: Sendable {
    private let pollers: Mutex<[Poller]>
    /// Pollers that are not running yet.
    private let (added, adding) = AsyncStream.makeStream(of: Poller.self)
    private let time: any TimeSource
    private let start: Duration

    /// Brings together the pollers, in the order their accounts are shown in.
    public init(_ pollers: [Poller], time: any TimeSource) {
        self.pollers = Mutex(pollers)
        self.time = time
        start = time.now.uptime
        pollers.forEach { adding.yield($0) }
    }

    /// The state of all accounts now.
    public var snapshot: Snapshot {
        Snapshot(accounts: pollers.withLock { $0 }.map(\.state))
    }

    /// Whether every account has completed a poll, or the exporter has run longer than its data stays fresh.
    public var isReady: Bool {
        let elapsed = time.now.uptime - start
        return snapshot.accounts.allSatisfy { $0.polls > 0 || elapsed > $0.options.maximumAge }
    }

    /// Replaces all pollers at once. Those that are among both old and new go on undisturbed.
    public func replace(by new: [Poller]) {
        let old = pollers.withLock { pollers in
            defer { pollers = new }
            return pollers
        }
        for poller in old where !new.contains(where: { $0 === poller }) { poller.stop() }
        for poller in new where !old.contains(where: { $0 === poller }) {
            adding.yield(poller)
        }
    }

    /// Polls each account once, no more than 32 at a time.
    public func pollOnce() async {
        await withTaskGroup(of: Void.self) { group in
            for (number, poller) in pollers.withLock({ $0 }).enumerated() {
                if number >= 32 { await group.next() }
                group.addTask { _ = await poller.poll() }
            }
        }
    }

    /// Polls until the calling task is cancelled, and returns then. Can be called only once.
    ///
    /// - Parameter afterPoll: called after each poll of each account, successful or not.
    /// - Throws: `PollerIsStuck` if an account is no longer polled. The other pollers are stopped too.
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
