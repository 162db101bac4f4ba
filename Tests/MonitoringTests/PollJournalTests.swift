import HypersenderAPI
import Logging
import Testing

@testable import Monitoring

/// The lines that the results of polls leave in the log.
struct PollJournalTests {
    /// Returns the lines that are not for debugging, of polls that end a minute apart with these results.
    private func journal(_ results: [Result<ListResponse, APIError>]) -> [String] {
        let log = LogRecorder()
        var journal = PollJournal(account: nil, logger: log.logger)
        var state = AccountState(interval: .seconds(60), staleAfter: .seconds(180))
        for (minute, result) in results.enumerated() {
            let now = Moment(unix: 1_000_000, uptime: .seconds(60 * minute))
            state.record(result, started: now, ended: now)
            journal.record(result, state, nextIn: .seconds(60), at: now.uptime)
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
            journal([.success(.list(list)), .success(.unchanged(RateLimit(), age: 260)), good]) == [
                "The list is too old to be shown, by the Age header of a cache", "First poll succeeded",
            ])
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
            journal.record(
                .success(.list(list)),
                AccountState(interval: .seconds(60), staleAfter: .seconds(180)), nextIn: .zero, at: .zero)
            #expect(log.lines.last?.metadata["status"] == "\(text)")
        }
    }
}
