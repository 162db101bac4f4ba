public import HypersenderAPI
public import Logging
import Synchronization

/// Polls one account until it is stopped, and keeps the account's state.
public final class Poller: Sendable {
    private let lister: any InstanceLister
    private let time: any TimeSource
    private let options: Options
    private let current: Mutex<Current>
    /// Apart from the rest, so that a log that is slow to be written delays nobody who reads the state.
    private let journal: Mutex<PollJournal>
    private let (stopped, stopping) = AsyncStream.makeStream(of: Never.self)

    private struct Current {
        var state: AccountState
        var schedule: PollSchedule
        /// The start of the poll under way.
        var started: Moment?
        var isStopped = false
    }

    /// The circumstances of polling.
    public struct Options: Sendable {
        /// The time after which the lister gives up by itself.
        public var timeout: Duration
        /// The times of the first two polls.
        public var start = PollStart()
        /// The executor of polls; `nil` for that of `run`. The watch over hanging polls runs elsewhere.
        public var executor: (any TaskExecutor)?
        /// A source of random numbers from 0 up to 1, for jitter.
        var random: @Sendable () -> Double = { Double.random(in: 0..<1) }
        /// Called if a poll hangs.
        ///
        /// `run` throws the same error, but only after the poll has ended, which may be never: the process should end
        /// here.
        public var onStuck: @Sendable (PollerIsStuck) -> Void = { _ in }

        /// Creates options for a lister with this timeout.
        public init(timeout: Duration) {
            self.timeout = timeout
        }

        /// The duration of a poll beyond which it hangs: well above what its own deadline allows.
        fileprivate var stuckAfter: Duration { timeout * 2 + .seconds(30) }
    }

    /// Prepares the polling of an account; `run` does it.
    public init(
        _ state: AccountState, lister: any InstanceLister, time: any TimeSource, logger: Logger, options: Options
    ) {
        self.lister = lister
        self.time = time
        self.options = options
        current = Mutex(
            Current(
                state: state, schedule: PollSchedule(interval: state.options.interval, spread: options.start.spread)))
        journal = Mutex(PollJournal(account: state.options.name, logger: logger))
    }

    /// The state of the account now.
    public var state: AccountState {
        current.withLock { $0.state }
    }

    /// Stops polling and returns the account's final state. The result of a poll in flight is discarded.
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
    /// - Parameter afterPoll: called after each poll, successful or not.
    /// - Throws: `PollerIsStuck` if a poll does not end long after its deadline.
    public func run(afterPoll: @escaping @Sendable () async -> Void) async throws {
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask(executorPreference: options.executor) {
                if self.options.start.delay > .zero {
                    try await self.time.sleep(untilUptime: self.time.now.uptime + self.options.start.delay)
                }
                while !Task.isCancelled, let next = await self.poll() {
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

    /// Polls once, and returns the uptime of the next poll; `nil` if polling was stopped meanwhile.
    func poll() async -> Duration? {
        let started = time.now
        current.withLock { $0.started = started }
        let result: Result<ListResponse, APIError>
        let outcome: PollSchedule.Outcome
        do {
            result = .success(try await lister.listInstances())
            outcome = .success
        } catch is CancellationError {
            return nil
        } catch {
            let error = error as? APIError ?? APIError(.internal, "the poll failed with \(type(of: error))")
            result = .failure(error)
            outcome = .failure(retry: error.retry)
        }
        let ended = time.now
        // Only this task changes the state, so nobody who reads it has to wait for the work.
        let before = state
        var state = before
        state.record(result, started: started, ended: ended)
        let next: Duration? = current.withLock { current in
            guard !current.isStopped else { return nil }
            current.started = nil
            current.state = state
            let next = current.schedule.next(after: outcome, started: started, now: ended, random: options.random())
            current.state.nextPoll = next
            return next
        }
        if let next {
            journal.withLock { $0.record(result, before, state, nextIn: next - ended.uptime, at: ended.uptime) }
        }
        return next
    }

    /// Checks every few seconds whether a poll hangs, so that outdated data does not go unnoticed.
    private func watch() async throws {
        let pause = Duration.seconds(5)
        var (seen, elapsed): (Moment?, Duration) = (nil, .zero)
        while true {
            try await time.sleep(untilUptime: time.now.uptime + pause)
            // Pauses are added up: while the machine sleeps the clock goes on, and the poll does not.
            let started = current.withLock { $0.started }
            elapsed = started == nil || started != seen ? .zero : elapsed + pause
            seen = started
            if elapsed > options.stuckAfter {
                let error = PollerIsStuck(elapsed: elapsed)
                options.onStuck(error)
                throw error
            }
        }
    }
}

/// The times of an account's first polls, which differ so that many accounts are not polled at once.
public struct PollStart: Sendable, Equatable {
    /// The time from the start to the first poll.
    let delay: Duration
    /// The time by which the second poll is later than an interval after the first.
    let spread: Duration

    /// Begins at once.
    public init() {
        delay = .zero
        spread = .zero
    }

    /// Spreads accounts over their interval.
    ///
    /// First polls are 5 ms apart, as everybody waits for them, or less if they would take longer than an interval.
    /// Second polls are spread over the interval, or over less if the data would become stale before.
    ///
    /// - Parameter index: the account's place among those that begin together, of `count` accounts at most.
    public init(index: Int, of count: Int, interval: Duration, staleAfter: Duration) {
        let place = Double(index) / Double(max(count, 1))
        delay = min(.milliseconds(5) * index, interval * place)
        spread = min(interval, max(.zero, (staleAfter - interval) / 2)) * place
    }
}

/// A poll has not ended long after its deadline. The process should end: only a new one can be trusted.
public struct PollerIsStuck: Error, CustomStringConvertible {
    let elapsed: Duration

    public var description: String {
        "a poll has been running for \(elapsed.components.seconds) s and does not end at its deadline"
    }
}
