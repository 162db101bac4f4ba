/// The life of one instance: which status it has, and when it will change next.
///
/// A pure function of its generator and of the statuses set by hand: however often it is advanced, the same time gives
/// the same status.
struct StatusProcess: Sendable {
    private(set) var status: SimulatedStatus
    /// Whether the account is linked to a phone; while it is not, the API gives no access token.
    private(set) var isConnected: Bool
    /// When the status changes by itself, counted from the start of the simulation; nil if it was set to stay.
    private(set) var nextChange: Duration?
    private var generator: SeededGenerator

    init(status: SimulatedStatus, at start: Duration, generator: SeededGenerator) {
        self.status = status
        self.generator = generator
        isConnected = [.working, .failed, .stopped].contains(status)
        nextChange = nil
        schedule(from: start)
    }

    /// Goes through every change up to and at `elapsed`.
    mutating func advance(to elapsed: Duration) {
        while let due = nextChange, due <= elapsed {
            enter(chooseNext())
            schedule(from: due)
        }
    }

    /// Puts the instance into a status; with `hold` it stays there until it is set again.
    mutating func set(_ status: SimulatedStatus, at now: Duration, hold: Bool) {
        enter(status)
        if hold {
            nextChange = nil
        } else {
            schedule(from: now)
        }
    }

    private mutating func enter(_ status: SimulatedStatus) {
        self.status = status
        switch status {
        case .working: isConnected = true
        case .scanQRCode: isConnected = false
        case .stopped, .starting, .failed, .pending: break
        }
    }

    private mutating func chooseNext() -> SimulatedStatus {
        var draw = generator.below(100)
        for (status, percent) in status.habit.next {
            if draw < percent { return status }
            draw -= percent
        }
        return .working
    }

    private mutating func schedule(from start: Duration) {
        // Three times the square of a uniform number has the mean 1: mostly short stays and now and then one of up to
        // three times the mean, without a logarithm, whose last digit may differ between C libraries.
        let u = generator.unit()
        let seconds = max(1, status.habit.meanSeconds * 3 * u * u)
        nextChange = start + .milliseconds(Int64(seconds * 1000))
    }
}
