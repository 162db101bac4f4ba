/// The six statuses that the API documents.
enum SimulatedStatus: String, Sendable, CaseIterable {
    case stopped = "STOPPED"
    case starting = "STARTING"
    case working = "WORKING"
    case scanQRCode = "SCAN_QR_CODE"
    case failed = "FAILED"
    case pending = "PENDING"

    /// The mean time in the status in seconds, and the statuses that follow, each with its probability in percent.
    ///
    /// An account of a dozen has a visible change about every 20 seconds, and nine in ten instances are WORKING.
    var transitions: (meanSeconds: Double, next: [(status: SimulatedStatus, percent: Int)]) {
        switch self {
        case .working: (600, [(.starting, 40), (.scanQRCode, 15), (.failed, 20), (.stopped, 15), (.pending, 10)])
        case .starting: (10, [(.working, 85), (.scanQRCode, 10), (.failed, 5)])
        case .scanQRCode: (60, [(.working, 75), (.failed, 25)])
        case .failed: (75, [(.starting, 60), (.scanQRCode, 25), (.stopped, 15)])
        case .stopped: (90, [(.pending, 50), (.starting, 50)])
        case .pending: (20, [(.starting, 100)])
        }
    }
}
