public import HypersenderAPI

/// Decides when an account is polled next.
///
/// Polls are an interval apart from start to start, jittered only longer. After failures in a row the distance doubles from one interval up
/// to ten, or to five minutes where ten intervals are more; it is never shorter than the interval. Where a failed answer names the time for the next
/// attempt, that is kept instead, up to 15 minutes.
public struct PollSchedule: Sendable, Equatable {
    /// The distance of two polls when all is well.
    public let interval: Duration
    /// Failures since the last success.
    public private(set) var failures = 0
    /// By how much the first distance is longer than the interval.
    private var spread: Duration

    static let longestBackoff = Duration.seconds(300)
    static let longestRetry = Duration.seconds(900)

    /// Begins before the first poll.
    ///
    /// - Parameter spread: by how much the second poll is put off, so that accounts that begin together are not polled together for ever.
    public init(interval: Duration, spread: Duration = .zero) {
        self.interval = interval
        self.spread = spread
    }

    /// How a poll ended.
    public enum Outcome: Sendable, Equatable {
        case success
        /// - Parameter retry: when the API says it may be asked again, where it says so.
        case failure(retry: RetryAdvice?)
    }

    /// Takes note of a poll's end, and gives the uptime at which the next begins.
    ///
    /// - Parameters:
    ///   - started: when the poll began.
    ///   - now: when it ended.
    ///   - random: a random number from 0 up to 1.
    public mutating func next(after outcome: Outcome, started: Moment, now: Moment, random: Double) -> Duration {
        switch outcome {
        case .success:
            failures = 0
            defer { spread = .zero }
            return started.uptime + interval * (1 + random * 0.05) + spread
        case .failure(let retry):
            let doublings = min(failures, 4)
            failures += 1
            let longest = max(interval, min(interval * 10, Self.longestBackoff))
            let backoff = min(longest, interval * (min(10, Double(1 << doublings)) * (1 + random * 0.1)))
            let ordinary = started.uptime + max(interval, backoff)
            guard let retry else {
                return ordinary
            }
            let wait =
                switch retry {
                case .after(let seconds): seconds
                case .at(let seconds): seconds - now.unix
                }
            // A time that has passed is no advice.
            guard wait > 0 else {
                return ordinary
            }
            return max(started.uptime + interval, now.uptime + .seconds(min(wait, Self.longestRetry.seconds)))
        }
    }
}
