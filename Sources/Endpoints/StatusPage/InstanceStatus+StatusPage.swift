import HypersenderAPI

extension InstanceStatus {
    /// The order on the page.
    static let byUrgency: [Self] = [.failed, .scanQRCode, .unknown, .stopped, .pending, .starting, .working]

    /// The place in that order.
    var place: Int { Self.byUrgency.firstIndex(of: self) ?? 0 }

    /// The seconds after which PENDING and STARTING, which normally last seconds, are trouble; METRICS.md has the same.
    private static let attentionThreshold = 600.0

    /// Whether a person should look at an instance that has had this status for so many seconds.
    func needsAttention(after seconds: Double) -> Bool {
        switch self {
        case .working: false
        case .pending, .starting: seconds >= Self.attentionThreshold
        case .failed, .scanQRCode, .unknown, .stopped: true
        }
    }

    /// The CSS class of the status, after so many seconds.
    func tone(after seconds: Double) -> String {
        switch self {
        case .failed, .scanQRCode: "bad"
        case .unknown, .stopped: "warning"
        case .pending, .starting: needsAttention(after: seconds) ? "warning" : "info"
        case .working: "good"
        }
    }

    /// The meaning of the status and what to do about it.
    var advice: String {
        switch self {
        case .working: "The session is up. This does not prove that messages are delivered."
        case .scanQRCode: "Waits for a person: scan the code in WhatsApp under Settings, Linked devices."
        case .failed: "Authorisation is probably lost: restart; if it fails again, log out and link anew."
        case .starting: "Starting, normally for seconds: restart if it lasts ten minutes."
        case .pending: "Waits for a server: restart if it lasts ten minutes, then ask Hypersender's support."
        case .stopped: "Stopped, still logged in, perhaps on purpose. Start it, or silence the alert."
        case .unknown: "A status that the API does not document: the exporter's log has its name."
        }
    }
}
