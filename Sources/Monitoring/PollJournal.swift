import HypersenderAPI
import Logging

/// Decides what is said of polls in the log: each failure once, and when all is well again.
struct PollJournal {
    private let logger: Logger
    private var lastFailure: APIError?
    private var failures = 0
    private var hasSucceeded = false
    private var unknownStatuses: Set<String> = []

    /// How many different unknown statuses are named in the log.
    static let mostUnknownStatuses = 20

    init(account: String?, logger: Logger) {
        var logger = logger
        if let account {
            logger[metadataKey: "account"] = "\(account)"
        }
        self.logger = logger
    }

    /// - Parameter instances: how many there are, after a good poll.
    mutating func record(_ result: Result<ListAnswer, APIError>, instances: Int, nextIn wait: Duration) {
        switch result {
        case .success(.list(let list)):
            recordSuccess(instances)
            record(list.unknownStatuses)
        case .success(.unchanged): recordSuccess(instances)
        case .failure(let error): record(error, nextIn: wait)
        }
    }

    private mutating func recordSuccess(_ instances: Int) {
        if lastFailure != nil {
            logger.info(
                "Polling works again", metadata: ["failures": "\(failures)", "instances": "\(instances)"])
        } else if !hasSucceeded {
            logger.info("First poll succeeded", metadata: ["instances": "\(instances)"])
        } else {
            logger.debug("Poll succeeded", metadata: ["instances": "\(instances)"])
        }
        lastFailure = nil
        failures = 0
        hasSucceeded = true
    }

    private mutating func record(_ statuses: Set<String>) {
        for status in statuses.sorted()
        where unknownStatuses.count < Self.mostUnknownStatuses && unknownStatuses.insert(status).inserted {
            logger.warning(
                "The API sent a status it does not document; it is shown as UNKNOWN",
                metadata: ["status": "\(Redaction.apply(to: status))"])
        }
    }

    private mutating func record(_ error: APIError, nextIn wait: Duration) {
        let isRepeated = lastFailure?.reason == error.reason && lastFailure?.detail == error.detail
        lastFailure = error
        failures += 1
        var metadata: Logger.Metadata = [
            "reason": "\(error.reason.rawValue)", "error": "\(error.detail)",
            "next_attempt": "in \(max(0, Int(wait.seconds.rounded()))) s",
        ]
        if let hint = error.hint {
            metadata["hint"] = "\(hint)"
        }
        logger.log(level: isRepeated ? .debug : .warning, "Poll failed", metadata: metadata)
    }
}
