/// The six statuses the API documents, spelled as it spells them.
public enum SimulatedStatus: String, Sendable, CaseIterable {
    /// Stopped, still logged in.
    case stopped = "STOPPED"
    /// Starting up, normally for seconds.
    case starting = "STARTING"
    /// Running and ready.
    case working = "WORKING"
    /// Waiting for a person to scan the code.
    case scanQRCode = "SCAN_QR_CODE"
    /// Failed to start, or lost its authorisation.
    case failed = "FAILED"
    /// Waiting for a server.
    case pending = "PENDING"

    /// How long an instance stays in a status, and where it goes from there.
    ///
    /// Chosen so that an account of a dozen has a visible change about every 20 seconds, and nine in ten are WORKING.
    struct Habit: Sendable {
        /// The mean time in the status, in seconds.
        var meanSeconds: Double
        /// What comes next, each with its share in percent. The shares sum to 100.
        var next: [(status: SimulatedStatus, percent: Int)]
    }

    var habit: Habit {
        switch self {
        case .working:
            Habit(
                meanSeconds: 600,
                next: [(.starting, 40), (.scanQRCode, 15), (.failed, 20), (.stopped, 15), (.pending, 10)])
        case .starting:
            Habit(meanSeconds: 10, next: [(.working, 85), (.scanQRCode, 10), (.failed, 5)])
        case .scanQRCode:
            Habit(meanSeconds: 60, next: [(.working, 75), (.failed, 25)])
        case .failed:
            Habit(meanSeconds: 75, next: [(.starting, 60), (.scanQRCode, 25), (.stopped, 15)])
        case .stopped:
            Habit(meanSeconds: 90, next: [(.pending, 50), (.starting, 50)])
        case .pending:
            Habit(meanSeconds: 20, next: [(.starting, 100)])
        }
    }
}
