import HypersenderAPI
import Logging
import Synchronization
import Testing

@testable import Monitoring

/// Polling with a clock that moves only when a test says so.
struct PollerTests {
    private func poller(_ lister: ScriptedLister, _ time: ManualTime, _ log: LogRecorder = LogRecorder()) -> Poller {
        Poller(
            AccountState(interval: .seconds(60), staleAfter: .seconds(180)), lister: lister, timeout: .seconds(10),
            time: time,
            logger: log.logger, random: { 0 })
    }

    @Test func pollsAtOnceAndThenAtTheScheduledTimes() async throws {
        let time = ManualTime()
        let failure = APIError(.timeout, "late")
        let lister = ScriptedLister(
            time, [.success, .failure(failure), .failure(failure), .failure(failure), .success, .success])
        let poller = poller(lister, time)
        let driver = Task { await time.drive(sleepers: 2) }
        defer { driver.cancel() }
        let run = Task { try await poller.run(afterPoll: {}) }
        // Starts are counted from the first: after failures the distance doubles, after a success it is one interval again.
        #expect(await lister.starts(6) == [0, 60, 120, 240, 480, 540])
        run.cancel()
        try await run.value
        #expect(poller.state.polls == 6)
    }

    @Test func tellsAfterEachPoll() async throws {
        let time = ManualTime()
        let lister = ScriptedLister(time, [.success, .failure(APIError(.decode, "x")), .success])
        let poller = poller(lister, time)
        let seen = Mutex<[UInt64]>([])
        let driver = Task { await time.drive(sleepers: 2) }
        defer { driver.cancel() }
        let run = Task { try await poller.run { seen.withLock { $0.append(poller.state.polls) } } }
        _ = await lister.starts(4)
        run.cancel()
        try await run.value
        // The fourth poll has begun by now, and may have ended.
        #expect(seen.withLock { $0.prefix(3) } == [1, 2, 3])
    }

    @Test func anErrorNobodyThoughtOfIsAFailedPoll() async throws {
        struct Surprise: Error {}
        let time = ManualTime()
        let poller = poller(ScriptedLister(time, [.other(Surprise())]), time)
        _ = try await poller.poll()
        #expect(poller.state.lastError?.reason == .internal)
    }

    @Test func aPollThatNeverEndsIsNoticed() async throws {
        let time = ManualTime()
        let poller = poller(ScriptedLister(time, [.never]), time)
        let driver = Task { await time.drive(sleepers: 1) }
        defer { driver.cancel() }
        await #expect(throws: PollerIsStuck.self) { try await poller.run(afterPoll: {}) }
    }

    /// Such a poll keeps `run` from ending too: what can be done is done by whoever is told.
    @Test func aPollThatIsDeafToCancellationIsReported() async throws {
        let time = ManualTime()
        let (reports, report) = AsyncStream<PollerIsStuck>.makeStream()
        let poller = Poller(
            AccountState(interval: .seconds(60), staleAfter: .seconds(180)), lister: DeafLister(),
            timeout: .seconds(10), time: time,
            logger: LogRecorder().logger, onStuck: { report.yield($0) })
        let driver = Task { await time.drive(sleepers: 1) }
        defer { driver.cancel() }
        let run = Task { try await poller.run(afterPoll: {}) }
        var iterator = reports.makeAsyncIterator()
        #expect(await iterator.next() != nil)
        run.cancel()
    }

    private struct DeafLister: InstanceLister {
        func listInstances() async throws -> ListResponse {
            await withUnsafeContinuation { (_: UnsafeContinuation<Void, Never>) in }
            return .list(InstanceList())
        }
    }

    @Test func aMonitorEndsLoudlyWithItsFirstStuckPoller() async throws {
        let time = ManualTime()
        let good = poller(ScriptedLister(time, []), time)
        let stuck = poller(ScriptedLister(time, [.never]), time)
        let monitor = Monitor([good, stuck], time: time)
        let driver = Task { await time.drive(sleepers: 3) }
        defer { driver.cancel() }
        await #expect(throws: PollerIsStuck.self) { try await monitor.run() }
    }

    @Test func replacedPollersEndAndKeptOnesGoOn() async throws {
        let time = ManualTime()
        let kept = ScriptedLister(time, [])
        let removed = ScriptedLister(time, [])
        let added = ScriptedLister(time, [])
        let first = poller(kept, time)
        let second = poller(removed, time)
        let third = poller(added, time)
        let monitor = Monitor([first, second], time: time)
        let driver = Task { await time.drive(sleepers: 4) }
        defer { driver.cancel() }
        let run = Task { try await monitor.run() }
        _ = await kept.starts(3)
        _ = await removed.starts(3)
        monitor.replace(by: [third, first])
        let atTheEnd = second.state.polls
        #expect(await added.starts(3).count == 3)
        #expect(await kept.starts(5).prefix(2) == [0, 60])
        #expect(second.state.polls == atTheEnd)
        #expect(monitor.snapshot.accounts.count == 2)
        run.cancel()
        try await run.value
    }

    /// What a poll finds after its account was given other settings is not what is known of the account any more.
    @Test func aPollThatEndsAfterTheStopHasNoEffect() async throws {
        let time = ManualTime()
        let poller = poller(ScriptedLister(time, [.success]), time)
        poller.stop()
        #expect(try await poller.poll() == nil)
        #expect(poller.state.polls == 0)
    }

    @Test func readyOnceEveryAccountWasPolledOrIsKnownStale() async throws {
        let time = ManualTime()
        let first = poller(ScriptedLister(time, [.failure(APIError(.dns, "x"))]), time)
        let second = poller(ScriptedLister(time, []), time)
        let monitor = Monitor([first, second], time: time)
        #expect(!monitor.isReady)
        _ = try await first.poll()
        #expect(!monitor.isReady)
        time.advance(to: .seconds(181))
        #expect(monitor.isReady)
        _ = try await second.poll()
        #expect(monitor.isReady)
    }

    /// Polls whose answer is "as before" count and are fresh, and change nothing else.
    @Test func anUnchangedListIsASuccess() async throws {
        let time = ManualTime()
        let log = LogRecorder()
        var list = InstanceList(
            instances: [Instance(id: "a", name: "", status: .unknown), Instance(id: "b", name: "", status: .working)],
            bytes: 5, rateLimit: RateLimit(limit: 60, remaining: 59))
        list.duplicates = 3
        list.withoutStatus = 1
        list.withoutID = 3
        let poller = poller(
            ScriptedLister(
                time,
                [
                    .list(list), .failure(APIError(.timeout, "late")),
                    .unchanged(RateLimit(limit: 60, remaining: 7), age: 0),
                ]),
            time, log)
        _ = try await poller.poll()
        let groups = poller.state.groups
        _ = try await poller.poll()
        time.advance(to: .seconds(1000))
        #expect(!poller.state.isFresh(at: .seconds(1000)))
        _ = try await poller.poll()
        let state = poller.state
        #expect(
            state.isUp(at: .seconds(1000)) && state.lastSuccess?.uptime == .seconds(1000) && state.failingSince == nil)
        #expect(state.polls == 3 && state.unknownStatuses == 2)
        #expect(state.duplicates == 3 && state.invalid == 4 && state.responseBytes == 5 && state.counts[.working] == 1)
        #expect(state.rateLimit == RateLimit(limit: 60, remaining: 7))
        #expect(state.groups.count == 1 && state.groups[0] === groups[0])
        #expect(
            log.lines.map { "\($0.message)" } == [
                "First poll succeeded", "The API lists instances without a readable status; they are shown as UNKNOWN",
                "The API lists instances without a readable id; they cannot be shown", "Poll failed",
                "Polling works again",
            ])
        #expect(log.lines[4].metadata["instances"] == "2")
    }

    @Test func theLogSaysEachThingOnce() async throws {
        let time = ManualTime()
        let log = LogRecorder()
        let late = APIError(.timeout, "late")
        let refused = APIError(.unauthorized, "no", retry: nil)
        var strange = InstanceList(instances: [Instance(id: "a", name: "", status: .unknown)])
        strange.unknownStatuses = ["BANNED 234|s3cret"]
        let lister = ScriptedLister(
            time,
            [
                .list(strange), .list(strange), .failure(late), .failure(late), .failure(refused), .failure(late),
                .success, .success,
            ])
        let poller = poller(lister, time, log)
        for _ in 0..<8 {
            _ = try await poller.poll()
        }
        let lines = log.lines
        #expect(
            lines.map { "\($0.level) \($0.message)" } == [
                "info First poll succeeded",
                "warning The API sent a status it does not document; it is shown as UNKNOWN", "debug Poll succeeded",
                "warning Poll failed", "debug Poll failed", "warning Poll failed", "debug Poll failed",
                "info Polling works again",
                "debug Poll succeeded",
            ])
        #expect(lines[3].metadata["reason"] == "timeout" && lines[3].metadata["error"] == "late")
        #expect(lines[3].metadata["next_attempt"] == "in 60 s")
        #expect(lines[4].metadata["next_attempt"] == "in 120 s")
        #expect("\(lines[5].metadata["hint"] ?? "")".contains("Enterprise"))
        #expect(lines[7].metadata["failures"] == "4")
        #expect(!lines.contains { "\($0)".contains("s3cret") })
    }

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
                "Polling works again",
            ])
    }

    @Test func aFailureThatComesAndGoesIsLoggedEveryTenMinutes() {
        let lines = journal([good] + (0..<11).flatMap { _ in [failure(.timeout, "late"), good] })
        #expect(
            lines == [
                "First poll succeeded", "Poll failed: late", "Polling works again", "Poll failed: late",
                "Polling works again", "Poll failed: late", "Polling works again",
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
                "The list is too old to be shown, by the Age that a cache on the way gave it", "First poll succeeded",
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

/// Answers polls from a script; when it is through, the last answer is a success for ever.
private final class ScriptedLister: InstanceLister {
    enum Answer: Sendable {
        case success
        case list(InstanceList)
        case unchanged(RateLimit, age: Double)
        case failure(APIError)
        case other(any Error)
        case never
    }

    private let time: ManualTime
    private let script: [Answer]
    private let calls = Mutex<[Duration]>([])
    private let counted: AsyncStream<Void>
    private let count: AsyncStream<Void>.Continuation

    init(_ time: ManualTime, _ script: [Answer]) {
        self.time = time
        self.script = script
        (counted, count) = AsyncStream.makeStream()
    }

    func listInstances() async throws -> ListResponse {
        let call = calls.withLock { calls in
            calls.append(time.now.uptime)
            return calls.count
        }
        count.yield()
        switch call <= script.count ? script[call - 1] : .success {
        case .success: return .list(InstanceList())
        case .list(let list): return .list(list)
        case .unchanged(let rateLimit, let age): return .unchanged(rateLimit, age: age)
        case .failure(let error): throw error
        case .other(let error): throw error
        case .never:
            let forever = AsyncStream<Void>.makeStream()
            for await _ in forever.stream {}
            throw CancellationError()
        }
    }

    /// Seconds from the first poll to each of the first `number`, once there are so many.
    func starts(_ number: Int) async -> [Double] {
        var iterator = counted.makeAsyncIterator()
        for _ in 0..<number {
            await iterator.next()
        }
        return calls.withLock { calls in calls.prefix(number).map { ($0 - (calls.first ?? .zero)).seconds } }
    }
}

/// A clock that stands still until everybody who waits on it does so, and then goes on to the first who is due.
final class ManualTime: TimeSource {
    private struct Sleeper {
        var until: Duration
        var wake: CheckedContinuation<Void, any Error>
    }

    private struct State {
        var uptime = Duration.zero
        var sleepers: [Int: Sleeper] = [:]
        var next = 0
        /// Those whose task was cancelled before they slept.
        var cancelled: Set<Int> = []
    }

    private let state = Mutex(State())
    private let arrivals: AsyncStream<Void>
    private let arrival: AsyncStream<Void>.Continuation

    init() {
        (arrivals, arrival) = AsyncStream.makeStream()
    }

    var now: Moment {
        let uptime = state.withLock { $0.uptime }
        return Moment(unix: 1_000_000 + uptime.seconds, uptime: uptime)
    }

    func advance(to uptime: Duration) {
        state.withLock { $0.uptime = max($0.uptime, uptime) }
    }

    /// Lets time pass whenever as many as `expected` wait, until the calling task is cancelled.
    func drive(sleepers expected: Int) async {
        for await _ in arrivals {
            let first = state.withLock { state -> Sleeper? in
                let due = state.sleepers.min { ($0.value.until, $0.key) < ($1.value.until, $1.key) }
                guard let (number, sleeper) = due, state.sleepers.count >= expected else {
                    return nil
                }
                state.sleepers[number] = nil
                state.uptime = max(state.uptime, sleeper.until)
                return sleeper
            }
            first?.wake.resume()
        }
    }

    func sleep(untilUptime uptime: Duration) async throws {
        let number = state.withLock { state in
            state.next += 1
            return state.next
        }
        try await withTaskCancellationHandler {
            try await withCheckedThrowingContinuation { (wake: CheckedContinuation<Void, any Error>) in
                let isCancelled = state.withLock { state in
                    if state.cancelled.remove(number) != nil {
                        return true
                    }
                    state.sleepers[number] = Sleeper(until: uptime, wake: wake)
                    return false
                }
                if isCancelled {
                    wake.resume(throwing: CancellationError())
                } else {
                    arrival.yield()
                }
            }
        } onCancel: {
            let sleeper = state.withLock { state in
                let sleeper = state.sleepers.removeValue(forKey: number)
                if sleeper == nil {
                    state.cancelled.insert(number)
                }
                return sleeper
            }
            sleeper?.wake.resume(throwing: CancellationError())
        }
    }
}

/// A logger's events, kept for looking at.
final class LogRecorder: Sendable {
    struct Line: Sendable {
        var level: Logger.Level
        var message: String
        var metadata: Logger.Metadata
    }

    private let recorded = Mutex<[Line]>([])

    var lines: [Line] {
        recorded.withLock { $0 }
    }

    var logger: Logger {
        Logger(label: "test") { _ in Handler(recorder: self) }
    }

    private struct Handler: LogHandler {
        let recorder: LogRecorder
        var logLevel = Logger.Level.trace
        var metadata: Logger.Metadata = [:]
        var metadataProvider: Logger.MetadataProvider?

        subscript(metadataKey key: String) -> Logger.Metadata.Value? {
            get { metadata[key] }
            set { metadata[key] = newValue }
        }

        func log(event: LogEvent) {
            let line = Line(
                level: event.level, message: "\(event.message)",
                metadata: metadata.merging(event.metadata ?? [:]) { $1 })
            recorder.recorded.withLock { $0.append(line) }
        }
    }
}
