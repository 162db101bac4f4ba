import HypersenderAPI

/// A section of `deploy/RUNBOOKS.md` that the status page links to, named by its heading.
enum Runbook: String, CaseIterable {
    case instanceNeedsQRScan = "HypersenderInstanceNeedsQRScan"
    case instanceFailed = "HypersenderInstanceFailed"
    case instanceStopped = "HypersenderInstanceStopped"
    case instanceStuck = "HypersenderInstanceStuck"
    case unknownStatus = "HypersenderUnknownStatus"
    case unauthorized = "HypersenderUnauthorized"
    case rateLimited = "HypersenderRateLimited"
    case pollsFailing = "HypersenderPollsFailing"

    /// The fragment that links to the section.
    var anchor: String { "#" + MarkdownRenderer.anchor(of: rawValue) }

    /// Returns `nil` if there is nothing to do.
    init?(_ status: InstanceStatus) {
        switch status {
        case .working: return nil
        case .scanQRCode: self = .instanceNeedsQRScan
        case .failed: self = .instanceFailed
        case .stopped: self = .instanceStopped
        case .starting, .pending: self = .instanceStuck
        case .unknown: self = .unknownStatus
        }
    }

    init(_ reason: APIError.Reason) {
        self = reason.meansKeyRefused ? .unauthorized : reason == .rateLimited ? .rateLimited : .pollsFailing
    }
}
