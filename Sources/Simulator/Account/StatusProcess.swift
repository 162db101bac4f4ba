/// The status of one instance over time.
///
/// A pure function of its generator and of the statuses set by hand: the steps of advancing make no difference.
struct StatusProcess: Sendable {
    private(set) var status: SimulatedStatus
    /// Whether the account is linked to a phone; while it is not, the API gives no access token.
    private(set) var isConnected: Bool
    /// The time since the start of the next change by itself; `nil` if the status was set to stay.
    private(set) var nextChange: Duration?
    private var generator: SeededGenerator

    init(status: SimulatedStatus, at start: Duration, generator: SeededGenerator) {
        self.status = status
        self.generator = generator
        isConnected = [.working, .failed, .stopped].contains(status)
        schedule(from: start)
    }

    /// Makes every change up to and at `elapsed`.
    mutating func advance(to elapsed: Duration) {
        while let due = nextChange, due <= elapsed {
            enter(chooseNext())
            schedule(from: due)
        }
    }

    /// Puts the instance into a status; with `hold` it stays there until it is set again.
    mutating func set(_ status: SimulatedStatus, at now: Duration, hold: Bool) {
        enter(status)
        nextChange = nil
        if !hold { schedule(from: now) }
    }

    private mutating func enter(_ status: SimulatedStatus) {
        self.status = status
        if status == .working { isConnected = true }
        if status == .scanQRCode { isConnected = false }
    }

    private mutating func chooseNext() -> SimulatedStatus {
        var draw = generator.below(100)
        for (status, percent) in status.transitions.next {
            if draw < percent { return status }
            draw -= percent
        }
        return .working
    }

    private mutating func schedule(from start: Duration) {
        // Three times the square of a uniform number has the mean 1: mostly short stays, some of up to three times the
        // mean, and no logarithm, whose last digit may differ between C libraries.
        let u = generator.unit()
        let seconds = max(1, status.transitions.meanSeconds * 3 * u * u)
        nextChange = start + .milliseconds(Int64(seconds * 1000))
    }
}
