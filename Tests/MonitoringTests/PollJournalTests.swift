import Logging
import Testing

@testable import HypersenderAPI
@testable import Monitoring

/// The lines that the results of polls leave in the log.
struct PollJournalTests {
    /// Returns the lines that are not for debugging, of polls that end a minute apart with these results.
    private func journal(_ results: [Result<ListResponse, APIError>]) -> [String] {
        let log = LogRecorder()
        var journal = PollJournal(account: nil, logger: log.logger)
        var state = AccountState(AccountOptions(interval: .seconds(60), staleAfter: .seconds(180)))
        for (minute, result) in results.enumerated() {
            let now = Moment(unix: 1_000_000, uptime: .seconds(60 * minute))
            let before = state
            state.record(result, started: now, ended: now)
            journal.record(result, before, state, nextIn: .seconds(60), at: now.uptime)
        }
        return log.lines.filter { $0.level > .debug }.map { line in
            line.metadata["error"].map { "\(line.message): \($0)" } ?? line.message
        }
    }

    private let good = Result<ListResponse, APIError>.success(.list(InstanceList()))

    private func failure(_ reason: APIError.Reason, _ text: String) -> Result<ListResponse, APIError> {
        .failure(APIError(reason, text))
    }

    @Test func aVaryingMessageIsLoggedEveryTenMinutes() {
        let lines = journal([good] + (1...25).map { failure(.serverError, "request \($0)") } + [good])
        #expect(
            lines == [
                "First poll succeeded", "Poll failed: request 1", "Poll failed: request 11", "Poll failed: request 21",
                "Polling recovered",
            ])
    }

    @Test func aFailureThatComesAndGoesIsLoggedEveryTenMinutes() {
        let lines = journal([good] + (0..<11).flatMap { _ in [failure(.timeout, "late"), good] })
        #expect(
            lines == [
                "First poll succeeded", "Poll failed: late", "Polling recovered", "Poll failed: late",
                "Polling recovered", "Poll failed: late", "Polling recovered",
            ])
    }

    /// A steady failure is logged once; one that follows upon another reason is told again after a while.
    @Test func reasonsAreLoggedApart() {
        let late = failure(.timeout, "late")
        #expect(journal(Array(repeating: late, count: 60)) == ["Poll failed: late"])
        let refused = failure(.unauthorized, "no")
        #expect(
            journal([late, refused, late, refused] + Array(repeating: late, count: 20)) == [
                "Poll failed: late", "Poll failed: no", "Poll failed: late",
            ])
    }

    @Test func unreadableElementsAreLoggedWhenTheyAppear() {
        var list = InstanceList()
        list.withoutStatus = 2
        let bad = Result<ListResponse, APIError>.success(.list(list))
        let line = "The API lists instances without a readable status; they are shown as UNKNOWN"
        #expect(journal(Array(repeating: bad, count: 30)) == ["First poll succeeded", line])
        #expect(journal((0..<12).flatMap { _ in [bad, good] }) == ["First poll succeeded", line, line, line])
    }

    @Test func aListThatIsTooOldIsTold() {
        let list = InstanceList(instances: [Instance(id: "a", name: "", status: .working)], age: 200)
        #expect(
            journal([.success(.list(InstanceList(age: 200)))]).first
                == "The list is too old to be shown, by the Age header of a cache", "an account without instances")
        #expect(
            journal([.success(.list(list)), .success(.unchanged(RateLimit(), age: 260)), good]) == [
                "The list is too old to be shown, by the Age header of a cache", "First poll succeeded",
                "Instance removed",
            ])
    }

    /// The lines about the second of two lists, and that about the first poll.
    private func lines(_ before: [Instance], _ after: [Instance]) -> [LogRecorder.Line] {
        let log = LogRecorder()
        var journal = PollJournal(account: "acme", logger: log.logger)
        var state = AccountState(AccountOptions(name: "acme", interval: .seconds(60), staleAfter: .seconds(180)))
        for (seconds, instances) in [(0.0, before), (59.6, after)] {
            let (now, old) = (Moment(unix: 1_000_000 + seconds, uptime: .seconds(seconds)), state)
            let result = Result<ListResponse, APIError>.success(.list(InstanceList(instances: instances)))
            state.record(result, started: now, ended: now)
            journal.record(result, old, state, nextIn: .zero, at: now.uptime)
        }
        return log.lines.filter { $0.level > .debug }
    }

    @Test func changesOfInstancesAreTold() {
        let lines = lines(
            [
                Instance(id: "a", name: "Sales +20 123 456 789", status: .working),
                Instance(id: "b", name: "", status: .failed),
            ],
            [
                Instance(id: "a", name: "Sales +20 123 456 789", status: .scanQRCode),
                Instance(id: "c", name: "x\ny", status: .pending),
            ])
        #expect(
            lines.map(\.message) == [
                "First poll succeeded", "Instance changed status", "Instance removed", "Instance added",
            ])
        #expect(
            lines.map(\.metadata) == [
                ["account": "acme", "instances": "2", "WORKING": "1", "FAILED": "1"],
                [
                    "account": "acme", "instance_id": "a", "instance_name": "Sales <redacted>", "from": "WORKING",
                    "to": "SCAN_QR_CODE", "after": "60 s",
                ],
                ["account": "acme", "instance_id": "b", "instance_name": "", "from": "FAILED", "after": "60 s"],
                ["account": "acme", "instance_id": "c", "instance_name": "x y", "to": "PENDING"],
            ])
    }

    @Test(arguments: [(0, 0, nil), (20, 20, nil), (21, 20, "1"), (10_000, 20, "9980")] as [(Int, Int, String?)])
    func manyChangesAreCounted(changed: Int, told: Int, more: String?) {
        func list(_ status: InstanceStatus) -> [Instance] {
            (0..<10_000).map { Instance(id: "\($0)", name: "", status: $0 < changed ? status : .working) }
        }
        let lines = lines(list(.working), list(.failed)).dropFirst()
        #expect(lines.filter { $0.message == "Instance changed status" }.count == told)
        #expect(lines.first { $0.message == "More instances changed" }?.metadata["instances"] == more.map { "\($0)" })
    }

    @Test func theNameOfAFailedRequestIsTold() {
        let log = LogRecorder()
        var journal = PollJournal(account: nil, logger: log.logger)
        let state = AccountState(AccountOptions(interval: .seconds(60), staleAfter: .seconds(180)))
        var error = APIError(.serverError, "no")
        error.requestID = "8f1c-FRA"
        journal.record(.failure(error), state, state, nextIn: .zero, at: .zero)
        #expect(log.lines.last?.metadata["request_id"] == "8f1c-FRA")
    }

    /// The log tells statuses that look alike apart.
    @Test func undocumentedStatusesAreQuoted() {
        for (status, text) in [
            (" WORKING ", #"" WORKING ""#), ("working", #""working""#), ("WORKING\u{a0}", #""WORKING\u{00A0}""#),
            ("", #""""#), ("W\u{41e}RKING", #""W\u{041E}RKING""#), ("a\"b\\", #""a\"b\\""#), ("x\n", #""x\n""#),
            ("BANNED 234|s3cret", #""BANNED <redacted>""#), ("call +20 123 456 789", #""call <redacted>""#),
        ] {
            let log = LogRecorder()
            var list = InstanceList()
            list.unknownStatuses = [status]
            var journal = PollJournal(account: nil, logger: log.logger)
            let state = AccountState(AccountOptions(interval: .seconds(60), staleAfter: .seconds(180)))
            journal.record(.success(.list(list)), state, state, nextIn: .zero, at: .zero)
            #expect(log.lines.last?.metadata["status"] == "\(text)")
        }
    }
}
