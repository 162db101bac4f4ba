import Glibc
import HypersenderAPI

/// A point in time, as both clocks show it.
public struct Moment: Sendable, Equatable {
    /// Seconds since the Unix epoch, for people and for Prometheus; may jump when the clock is set.
    public var unix: Double
    /// The time since some fixed point, for intervals and ages; never jumps, and goes on while the machine sleeps.
    public var uptime: Duration

    /// Creates a moment from what both clocks show.
    public init(unix: Double, uptime: Duration) {
        self.unix = unix
        self.uptime = uptime
    }
}

/// The one clock of the program; tests put another in its place.
public protocol TimeSource: Sendable {
    /// The present moment.
    var now: Moment { get }
    /// Waits until `uptime`, or returns at once if it is past.
    ///
    /// - Throws: `CancellationError` if the calling task is cancelled meanwhile.
    func sleep(untilUptime uptime: Duration) async throws
}

/// The machine's clocks.
public struct SystemTime: TimeSource {
    private let start = ContinuousClock.now

    /// Starts the uptime at zero.
    public init() {}

    /// The present moment on both clocks.
    public var now: Moment {
        var time = timespec()
        clock_gettime(CLOCK_REALTIME, &time)
        return Moment(unix: Double(time.tv_sec) + Double(time.tv_nsec) / 1e9, uptime: start.duration(to: .now))
    }

    /// Waits until `uptime`, or returns at once if it is past.
    public func sleep(untilUptime uptime: Duration) async throws {
        if PollingLoop.shared.isCurrent {
            // Wakes no other thread first.
            try await PollingLoop.shared.sleep(for: uptime - now.uptime)
        } else {
            try await ContinuousClock().sleep(until: start.advanced(by: uptime))
        }
    }
}

extension Duration {
    /// The duration in seconds, as metrics are given.
    public var seconds: Double {
        Double(components.seconds) + Double(components.attoseconds) / 1e18
    }
}
