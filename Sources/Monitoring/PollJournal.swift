import Basics
import HypersenderAPI
import Logging

/// Decides which polls are logged: failures, but neither often nor again and again, and recoveries.
struct PollJournal {
    private let logger: Logger
    private var lastFailure: APIError?
    private var failures = 0
    /// Whether a failure was logged since the last success.
    private var hasComplained = false
    private var hasSucceeded = false
    private var unknownStatuses: Set<String> = []
    private var complaints: [Complaint: Logged] = [:]

    /// A kind of trouble, of which little is logged however often it comes and goes.
    private enum Complaint: Hashable {
        case failure(APIError.Reason)
        case withoutStatus
        case withoutID
        /// The list is older than data may be.
        case old
    }

    /// A line that was logged.
    private struct Logged {
        var text: String
        var at: Duration
        /// Whether the trouble has gone on since.
        var isCurrent: Bool
    }

    /// Time between two lines about one kind of trouble.
    static let pause = Duration.seconds(600)
    /// How many different unknown statuses are named in the log.
    static let maximumUnknownStatuses = 20

    init(account: String?, logger: Logger) {
        var logger = logger
        if let account {
            logger[metadataKey: "account"] = "\(account)"
        }
        self.logger = logger
    }

    /// Takes note of a poll's result.
    ///
    /// - Parameters:
    ///   - state: the account as the poll left it.
    ///   - wait: the time to the next poll.
    ///   - now: the uptime.
    mutating func record(
        _ result: Result<ListResponse, APIError>, _ state: AccountState, nextIn wait: Duration, at now: Duration
    ) {
        let instances = state.instanceCount
        if case .success = result {
            record(
                .old, state.isFresh(at: now) ? 0 : instances, at: now,
                "The list is too old to be shown, by the Age that a cache on the way gave it")
        }
        switch result {
        case .success(.list(let list)):
            recordSuccess(instances)
            record(list.unknownStatuses)
            record(
                .withoutStatus, list.withoutStatus, at: now,
                "The API lists instances without a readable status; they are shown as UNKNOWN")
            record(
                .withoutID, list.withoutID, at: now,
                "The API lists instances without a readable id; they cannot be shown")
        case .success(.unchanged): recordSuccess(instances)
        case .failure(let error): record(error, nextIn: wait, at: now)
        }
    }

    private mutating func recordSuccess(_ instances: Int) {
        if lastFailure != nil {
            logger.log(
                level: hasComplained ? .info : .debug, "Polling works again",
                metadata: ["failures": "\(failures)", "instances": "\(instances)"])
        } else if !hasSucceeded {
            logger.info("First poll succeeded", metadata: ["instances": "\(instances)"])
        } else {
            logger.debug("Poll succeeded", metadata: ["instances": "\(instances)"])
        }
        endFailures(but: nil)
        lastFailure = nil
        failures = 0
        hasComplained = false
        hasSucceeded = true
    }

    private mutating func endFailures(but current: APIError.Reason?) {
        for reason in APIError.Reason.allCases where reason != current {
            complaints[.failure(reason)]?.isCurrent = false
        }
    }

    private mutating func record(_ statuses: Set<String>) {
        for status in statuses.sorted()
        where unknownStatuses.count < Self.maximumUnknownStatuses && unknownStatuses.insert(status).inserted {
            logger.warning(
                "The API sent a status it does not document; it is shown as UNKNOWN",
                metadata: ["status": "\(Redaction.quoteExactly(status))"])
        }
    }

    private mutating func record(_ complaint: Complaint, _ count: Int, at now: Duration, _ message: Logger.Message) {
        guard count > 0 else {
            complaints[complaint]?.isCurrent = false
            return
        }
        if isDue(complaint, "", at: now) {
            logger.warning(message, metadata: ["instances": "\(count)"])
        }
    }

    private mutating func record(_ error: APIError, nextIn wait: Duration, at now: Duration) {
        endFailures(but: error.reason)
        lastFailure = error
        failures += 1
        var metadata: Logger.Metadata = [
            "reason": "\(error.reason.rawValue)", "error": "\(error.detail)",
            "next_attempt": "in \(max(0, Int(wait.seconds.rounded()))) s",
        ]
        if let hint = error.hint {
            metadata["hint"] = "\(hint)"
        }
        let isDue = isDue(.failure(error.reason), error.detail, at: now)
        hasComplained = hasComplained || isDue
        logger.log(level: isDue ? .warning : .debug, "Poll failed", metadata: metadata)
    }

    /// Decides whether trouble is logged: at first, and after a pause if it has come anew or in other words.
    private mutating func isDue(_ complaint: Complaint, _ text: String, at now: Duration) -> Bool {
        if let logged = complaints[complaint] {
            guard now - logged.at >= Self.pause, !logged.isCurrent || logged.text != text else {
                return false
            }
        }
        complaints[complaint] = Logged(text: text, at: now, isCurrent: true)
        return true
    }
}
