import HypersenderAPI

/// A section of `deploy/RUNBOOKS.md`, named by its heading, about a kind of trouble.
enum Runbook: String, CaseIterable {
    case instanceNeedsQRScan = "HypersenderInstanceNeedsQRScan"
    case instanceFailed = "HypersenderInstanceFailed"
    case instanceStopped = "HypersenderInstanceStopped"
    case instanceStuck = "HypersenderInstanceStuck"
    case unknownStatus = "HypersenderUnknownStatus"
    case unauthorized = "HypersenderUnauthorized"
    case rateLimited = "HypersenderRateLimited"
    case pollsFailing = "HypersenderPollsFailing"

    /// The section's place in the page that is made of the file.
    var anchor: String { "#" + MarkdownRenderer.anchor(of: rawValue) }

    /// Nil where there is nothing to do.
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
        switch reason {
        case .unauthorized, .forbidden, .notFound: self = .unauthorized
        case .rateLimited: self = .rateLimited
        case .blocked, .badRequest, .serverError, .httpError, .redirect, .timeout, .connect, .tls, .dns, .tooLarge,
            .decode, .incomplete, .token, .internal:
            self = .pollsFailing
        }
    }
}
