import Synchronization

@testable import Monitoring

/// A clock that stands still until everybody who waits on it does so, and then goes on to the first who is due.
final class ManualTime: TimeSource {
    private struct Sleeper {
        var until: Duration
        var wake: CheckedContinuation<Void, any Error>
    }

    private struct State {
        var uptime = Duration.zero
        var sleepers: [Int: Sleeper] = [:]
        var next = 0
        /// Those whose task was cancelled before they slept.
        var cancelled: Set<Int> = []
    }

    private let state = Mutex(State())
    private let arrivals: AsyncStream<Void>
    private let arrival: AsyncStream<Void>.Continuation

    init() {
        (arrivals, arrival) = AsyncStream.makeStream()
    }

    var now: Moment {
        let uptime = state.withLock { $0.uptime }
        return Moment(unix: 1_000_000 + uptime.seconds, uptime: uptime)
    }

    func advance(to uptime: Duration) {
        state.withLock { $0.uptime = max($0.uptime, uptime) }
    }

    /// Lets time pass whenever as many as `expected` wait, until the calling task is cancelled.
    func drive(sleepers expected: Int) async {
        for await _ in arrivals {
            let first = state.withLock { state -> Sleeper? in
                let due = state.sleepers.min { ($0.value.until, $0.key) < ($1.value.until, $1.key) }
                guard let (number, sleeper) = due, state.sleepers.count >= expected else {
                    return nil
                }
                state.sleepers[number] = nil
                state.uptime = max(state.uptime, sleeper.until)
                return sleeper
            }
            first?.wake.resume()
        }
    }

    func sleep(untilUptime uptime: Duration) async throws {
        let number = state.withLock { state in
            state.next += 1
            return state.next
        }
        try await withTaskCancellationHandler {
            try await withCheckedThrowingContinuation { (wake: CheckedContinuation<Void, any Error>) in
                let isCancelled = state.withLock { state in
                    if state.cancelled.remove(number) != nil {
                        return true
                    }
                    state.sleepers[number] = Sleeper(until: uptime, wake: wake)
                    return false
                }
                if isCancelled {
                    wake.resume(throwing: CancellationError())
                } else {
                    arrival.yield()
                }
            }
        } onCancel: {
            let sleeper = state.withLock { state in
                let sleeper = state.sleepers.removeValue(forKey: number)
                if sleeper == nil {
                    state.cancelled.insert(number)
                }
                return sleeper
            }
            sleeper?.wake.resume(throwing: CancellationError())
        }
    }
}
