public import HypersenderAPI
public import Logging
import Synchronization

/// Polls one account, forever, and keeps what is known of it.
public final class Poller: Sendable {
    private let lister: any InstanceLister
    private let time: any TimeSource
    private let random: @Sendable () -> Double
    /// How long one poll may last before the poller is taken for stuck: well above what its own deadline allows.
    private let patience: Duration
    private let current: Mutex<Current>
    /// Apart from the rest, so that a log that is slow to be written holds up nobody who asks for the state.
    private let journal: Mutex<PollJournal>
    private let executor: (any TaskExecutor)?
    private let onStuck: @Sendable (PollerIsStuck) -> Void
    private let start: PollStart
    private let (stopped, stopping) = AsyncStream.makeStream(of: Never.self)

    private struct Current {
        var state: AccountState
        var schedule: PollSchedule
        /// Set while a poll is under way.
        var started: Moment?
        var isStopped = false
    }

    /// Sets up the polling of an account; `run` does it.
    ///
    /// - Parameters:
    ///   - timeout: the time after which `lister` gives up by itself.
    ///   - start: when the first poll begins, and the second.
    ///   - executor: where polls run, and what they wait for is waited for; nil for wherever `run` does. Whether a poll hangs is looked at
    ///     elsewhere, in case this hangs.
    ///   - random: gives numbers from 0 up to 1, for jitter.
    ///   - onStuck: called where a poll does not end although its deadline has long passed. `run` throws the same, but cannot
    ///     before that poll has ended, which it may never do: the process should be ended here.
    public init(
        _ state: AccountState, lister: any InstanceLister, timeout: Duration, time: any TimeSource, logger: Logger,
        start: PollStart = PollStart(), executor: (any TaskExecutor)? = nil,
        random: @escaping @Sendable () -> Double = { Double.random(in: 0..<1) },
        onStuck: @escaping @Sendable (PollerIsStuck) -> Void = { _ in }
    ) {
        self.lister = lister
        self.time = time
        self.random = random
        patience = timeout * 2 + .seconds(30)
        self.start = start
        self.executor = executor
        current = Mutex(
            Current(state: state, schedule: PollSchedule(interval: state.interval, spread: start.spread)))
        journal = Mutex(PollJournal(account: state.name, logger: logger))
        self.onStuck = onStuck
    }

    /// What is known of the account now.
    public var state: AccountState {
        current.withLock { $0.state }
    }

    /// Ends the polling for good, and gives what is known of the account then. A poll under way has no effect any more.
    @discardableResult
    public func stop() -> AccountState {
        stopping.finish()
        return current.withLock { current in
            current.isStopped = true
            return current.state
        }
    }

    /// Polls until the calling task is cancelled or `stop` is called, and returns then.
    ///
    /// - Parameter afterPoll: called after each poll, good or bad.
    /// - Throws: `PollerIsStuck` where a poll does not end although its deadline has long passed.
    public func run(afterPoll: @escaping @Sendable () async -> Void) async throws {
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask(executorPreference: executor) {
                if self.start.delay > .zero {
                    try await self.time.sleep(untilUptime: self.time.now.uptime + self.start.delay)
                }
                while !Task.isCancelled {
                    guard let next = try await self.poll() else {
                        return
                    }
                    await afterPoll()
                    try await self.time.sleep(untilUptime: next)
                }
            }
            group.addTask { try await self.watch() }
            group.addTask { for await _ in self.stopped {} }
            defer { group.cancelAll() }
            do {
                try await group.next()
            } catch is CancellationError {
                return
            }
        }
    }

    /// Polls once, and gives the uptime of the next poll; nil where the polling was ended meanwhile.
    func poll() async throws -> Duration? {
        let started = time.now
        current.withLock { $0.started = started }
        let result: Result<ListResponse, APIError>
        do {
            result = .success(try await lister.listInstances())
        } catch let error as APIError {
            result = .failure(error)
        } catch is CancellationError {
            return nil
        } catch {
            result = .failure(APIError(.internal, "the poll failed with \(type(of: error))"))
        }
        let ended = time.now
        // The state is changed by this task only: it can be worked out without keeping others from reading it.
        var state = state
        state.record(result, started: started, ended: ended)
        let outcome: PollSchedule.Outcome
        switch result {
        case .success: outcome = .success
        case .failure(let error): outcome = .failure(retry: error.retry)
        }
        let next: Duration? = current.withLock { current in
            guard !current.isStopped else {
                return nil
            }
            current.started = nil
            current.state = state
            return current.schedule.next(after: outcome, started: started, now: ended, random: random())
        }
        guard let next else {
            return nil
        }
        journal.withLock {
            $0.record(result, state, nextIn: next - ended.uptime, at: ended.uptime)
        }
        return next
    }

    /// Looks every few seconds whether a poll hangs: data that is not renewed must not go unnoticed.
    private func watch() async throws {
        while true {
            try await time.sleep(untilUptime: time.now.uptime + .seconds(5))
            let now = time.now
            if let started = current.withLock({ $0.started }), now.uptime - started.uptime > patience {
                let error = PollerIsStuck(seconds: (now.uptime - started.uptime).seconds)
                onStuck(error)
                throw error
            }
        }
    }
}

/// When an account's first polls begin, so that many accounts are not polled at the same time.
public struct PollStart: Sendable, Equatable {
    /// The time from the start to the first poll.
    public var delay = Duration.zero
    /// By how much the second poll is later than an interval after the first.
    public var spread = Duration.zero

    /// Begins at once.
    public init() {}

    /// Spreads accounts over their interval.
    ///
    /// First polls follow each other closely, as everybody waits for them; those after them are spread over the interval, or over
    /// less where the data would become stale before.
    ///
    /// - Parameters:
    ///   - index: the account's place among `count` accounts that begin together.
    public init(index: Int, of count: Int, interval: Duration, staleAfter: Duration) {
        let place = Double(index) / Double(max(count, 1))
        delay = min(.milliseconds(20) * index, interval * place)
        spread = min(interval, max(.zero, (staleAfter - interval) / 2)) * place
    }
}

/// A poll has not ended although its deadline passed long ago. The process should end: only a new one can be trusted.
public struct PollerIsStuck: Error, CustomStringConvertible {
    let seconds: Double

    public var description: String {
        "a poll has been under way for \(Int(seconds)) s and does not end at its deadline"
    }
}
