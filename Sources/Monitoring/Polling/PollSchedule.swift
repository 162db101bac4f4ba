import HypersenderAPI

/// Decides when an account is polled next.
///
/// Polls are an interval apart from start to start; jitter only adds to it. After failures in a row the distance
/// doubles, from one interval up to ten, or to five minutes if ten intervals are more; it is never shorter than the
/// interval. If a failed response names the time for the next attempt, that is kept instead, up to 15 minutes.
struct PollSchedule: Equatable {
    /// The interval between successful polls.
    private let interval: Duration
    /// The number of failures since the last success.
    private var failures = 0
    /// The time by which the first distance is longer than the interval.
    private var spread: Duration

    static let maximumBackoff = Duration.seconds(300)
    static let maximumRetry = Duration.seconds(900)

    /// Begins before the first poll.
    ///
    /// - Parameter spread: the delay of the second poll, so that accounts that begin together drift apart.
    init(interval: Duration, spread: Duration = .zero) {
        self.interval = interval
        self.spread = spread
    }

    /// The outcome of a poll.
    enum Outcome: Equatable {
        case success
        /// - Parameter retry: the time at which the API may be asked again, if it says so.
        case failure(retry: RetryAdvice?)
    }

    /// Records the end of a poll, and returns the uptime at which the next begins.
    ///
    /// - Parameters:
    ///   - started: the start of the poll.
    ///   - now: its end.
    ///   - random: a random number from 0 up to 1.
    mutating func next(after outcome: Outcome, started: Moment, now: Moment, random: Double) -> Duration {
        switch outcome {
        case .success:
            failures = 0
            defer { spread = .zero }
            return started.uptime + interval * (1 + random * 0.05) + spread
        case .failure(let retry):
            let doublings = min(failures, 4)
            failures += 1
            let longest = max(interval, min(interval * 10, Self.maximumBackoff))
            let backoff = min(longest, interval * (min(10, Double(1 << doublings)) * (1 + random * 0.1)))
            let wait =
                switch retry {
                case .after(let seconds): seconds
                case .at(let seconds): seconds - now.unix
                case nil: 0.0
                }
            // A time that has passed is no advice.
            guard wait > 0 else { return started.uptime + max(interval, backoff) }
            return max(started.uptime + interval, now.uptime + .seconds(min(wait, Self.maximumRetry.seconds)))
        }
    }
}
