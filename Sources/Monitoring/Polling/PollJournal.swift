import Basics
import HypersenderAPI
import Logging

/// Decides what is logged of polls: changes of instances, recoveries, and failures unless they repeat themselves.
struct PollJournal {
    private let logger: Logger
    private var failures = 0
    /// Whether a failure was logged since the last success.
    private var hasComplained = false
    private var hasSucceeded = false
    private var unknownStatuses: Set<String> = []
    /// The last line that was logged of each kind of trouble.
    private var complaints: [Complaint: LoggedLine] = [:]

    /// A kind of trouble, of which little is logged however often it comes and goes.
    private enum Complaint: Hashable {
        case failure(APIError.Reason)
        case withoutStatus
        case withoutID
        /// The list is older than data may be.
        case old
    }

    private struct LoggedLine {
        let text: String
        let at: Duration
        /// Whether the trouble has gone on since.
        var isCurrent: Bool
    }

    /// The time between two lines about one kind of trouble.
    static let pause = Duration.seconds(600)
    /// The number of different unknown statuses that are logged.
    static let maximumUnknownStatuses = 20
    /// The number of changes that are logged of one poll.
    static let maximumChanges = 20

    init(account: String?, logger: Logger) {
        var logger = logger
        logger[metadataKey: "account"] = account.map { "\($0)" }
        self.logger = logger
    }

    /// Records the result of a poll.
    ///
    /// - Parameters:
    ///   - old: the account before the poll.
    ///   - state: the account after it.
    ///   - wait: the time to the next poll.
    ///   - now: the uptime.
    mutating func record(
        _ result: Result<ListResponse, APIError>, _ old: AccountState, _ state: AccountState, nextIn wait: Duration,
        at now: Duration
    ) {
        let instances = state.counts.total
        switch result {
        case .success(let answer):
            record(
                .old, state.isFresh(at: now) ? nil : instances, at: now,
                "The list is too old to be shown, by the Age header of a cache")
            recordSuccess(state.counts)
            guard case .list(let list) = answer else { return }
            if logger.logLevel <= .info { record(state.changes(since: old)) }
            record(list.unknownStatuses)
            record(
                .withoutStatus, list.withoutStatus > 0 ? list.withoutStatus : nil, at: now,
                "The API lists instances without a readable status; they are shown as UNKNOWN")
            record(
                .withoutID, list.withoutID > 0 ? list.withoutID : nil, at: now,
                "The API lists instances without a readable id; they cannot be shown")
        case .failure(let error): record(error, nextIn: wait, at: now)
        }
    }

    private mutating func recordSuccess(_ counts: StatusCounts) {
        var metadata: Logger.Metadata = ["instances": "\(counts.total)"]
        if failures > 0 {
            metadata["failures"] = "\(failures)"
            logger.log(level: hasComplained ? .info : .debug, "Polling recovered", metadata: metadata)
        } else if hasSucceeded {
            logger.debug("Poll succeeded", metadata: metadata)
        } else {
            for status in InstanceStatus.allCases where counts[status] > 0 {
                metadata[status.rawValue] = "\(counts[status])"
            }
            logger.info("First poll succeeded", metadata: metadata)
        }
        endFailures(except: nil)
        failures = 0
        hasComplained = false
        hasSucceeded = true
    }

    private mutating func endFailures(except current: APIError.Reason?) {
        for reason in APIError.Reason.allCases where reason != current { end(.failure(reason)) }
    }

    private mutating func end(_ complaint: Complaint) {
        // To write by the key would allocate, even where there is none: at each account's first success.
        if let index = complaints.index(forKey: complaint) { complaints.values[index].isCurrent = false }
    }

    private func record(_ changes: [InstanceChange]) {
        for change in changes.prefix(Self.maximumChanges) {
            var metadata: Logger.Metadata = [
                "instance_id": "\(change.instance.id)", "instance_name": "\(Redaction.apply(to: change.instance.name))",
            ]
            metadata["from"] = change.from.map { "\($0.rawValue)" }
            metadata["to"] = change.to.map { "\($0.rawValue)" }
            metadata["after"] = change.after.map { "\(Int($0.rounded())) s" }
            let message: Logger.Message =
                change.from == nil
                ? "Instance added" : change.to == nil ? "Instance removed" : "Instance changed status"
            logger.info(message, metadata: metadata)
        }
        let others = changes.count - Self.maximumChanges
        if others > 0 { logger.info("More instances changed", metadata: ["instances": "\(others)"]) }
    }

    private mutating func record(_ statuses: Set<String>) {
        for status in statuses.sorted()
        where unknownStatuses.count < Self.maximumUnknownStatuses && unknownStatuses.insert(status).inserted {
            logger.warning(
                "The API sent an undocumented status; it is shown as UNKNOWN",
                metadata: ["status": "\(Redaction.quoteExactly(status))"])
        }
    }

    /// - Parameter count: the instances concerned; `nil` if there is no such trouble.
    private mutating func record(_ complaint: Complaint, _ count: Int?, at now: Duration, _ message: Logger.Message) {
        guard let count else { return end(complaint) }
        if isDue(complaint, "", at: now) {
            logger.warning(message, metadata: ["instances": "\(count)"])
        }
    }

    private mutating func record(_ error: APIError, nextIn wait: Duration, at now: Duration) {
        endFailures(except: error.reason)
        failures += 1
        var metadata: Logger.Metadata = [
            "reason": "\(error.reason.rawValue)", "error": "\(error.detail)",
            "next_attempt": "in \(max(0, Int(wait.seconds.rounded()))) s",
        ]
        metadata["hint"] = error.reason.hint.map { "\($0)" }
        metadata["request_id"] = error.requestID.map { "\($0)" }
        let isDue = isDue(.failure(error.reason), error.detail, at: now)
        hasComplained = hasComplained || isDue
        logger.log(level: isDue ? .warning : .debug, "Poll failed", metadata: metadata)
    }

    /// Decides whether trouble is logged: at first, and after a pause if it has returned or its text has changed.
    private mutating func isDue(_ complaint: Complaint, _ text: String, at now: Duration) -> Bool {
        if let logged = complaints[complaint] {
            guard now - logged.at >= Self.pause, !logged.isCurrent || logged.text != text else { return false }
        }
        complaints[complaint] = LoggedLine(text: text, at: now, isCurrent: true)
        return true
    }
}
