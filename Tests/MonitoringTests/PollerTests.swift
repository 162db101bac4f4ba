import Logging
import Synchronization
import Testing

@testable import HypersenderAPI
@testable import Monitoring

/// Polling with a clock that moves only when a test says so.
struct PollerTests {
    private func poller(_ lister: ScriptedLister, _ time: ManualTime, _ log: LogRecorder = LogRecorder()) -> Poller {
        var options = Poller.Options(timeout: .seconds(10))
        options.random = { 0 }
        return Poller(
            AccountState(AccountOptions(interval: .seconds(60), staleAfter: .seconds(180))), lister: lister, time: time,
            logger: log.logger, options: options)
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
        let next = await poller.poll()
        #expect(poller.state.lastError?.reason == .internal && poller.state.nextPoll == next)
    }

    @Test func aPollThatNeverEndsIsNoticed() async throws {
        let time = ManualTime()
        let poller = poller(ScriptedLister(time, [.never]), time)
        let driver = Task { await time.drive(sleepers: 1) }
        defer { driver.cancel() }
        await #expect(throws: PollerIsStuck.self) { try await poller.run(afterPoll: {}) }
    }

    /// The clock goes on while the machine sleeps, and the poll does not.
    @Test func aMachineThatSleptMakesNoPollStuck() async throws {
        let time = ManualTime()
        let lister = ScriptedLister(time, [.never])
        let poller = poller(lister, time)
        let run = Task { try await poller.run(afterPoll: {}) }
        _ = await lister.starts(1)
        time.advance(to: .seconds(3600))
        let driver = Task { await time.drive(sleepers: 1) }
        defer { driver.cancel() }
        let error = await #expect(throws: PollerIsStuck.self) { try await run.value }
        #expect(try #require(error).elapsed < .seconds(600))
    }

    /// Such a poll keeps `run` from ending too: what can be done is done by whoever is told.
    @Test func aPollThatIsDeafToCancellationIsReported() async throws {
        let time = ManualTime()
        let (reports, report) = AsyncStream<PollerIsStuck>.makeStream()
        var options = Poller.Options(timeout: .seconds(10))
        options.onStuck = { report.yield($0) }
        let poller = Poller(
            AccountState(AccountOptions(interval: .seconds(60), staleAfter: .seconds(180))), lister: DeafLister(),
            time: time,
            logger: LogRecorder().logger, options: options)
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

    /// The result of a poll that ends after its account got other settings is discarded.
    @Test func aPollThatEndsAfterTheStopHasNoEffect() async throws {
        let time = ManualTime()
        let poller = poller(ScriptedLister(time, [.success]), time)
        poller.stop()
        #expect(await poller.poll() == nil)
        #expect(poller.state.polls == 0)
    }

    @Test func readyOnceEveryAccountWasPolledOrIsKnownStale() async throws {
        let time = ManualTime()
        let first = poller(ScriptedLister(time, [.failure(APIError(.dns, "x"))]), time)
        let second = poller(ScriptedLister(time, []), time)
        let monitor = Monitor([first, second], time: time)
        #expect(!monitor.isReady)
        _ = await first.poll()
        #expect(!monitor.isReady)
        time.advance(to: .seconds(181))
        #expect(monitor.isReady)
        _ = await second.poll()
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
        _ = await poller.poll()
        let groups = poller.state.groups
        _ = await poller.poll()
        time.advance(to: .seconds(1000))
        #expect(!poller.state.isFresh(at: .seconds(1000)))
        _ = await poller.poll()
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
                "Polling recovered",
            ])
        #expect(log.lines[4].metadata["instances"] == "2")
    }

    @Test func theLogSaysEachThingOnce() async throws {
        let time = ManualTime()
        let log = LogRecorder()
        let late = APIError(.timeout, "late")
        let refused = APIError(.unauthorized, "no")
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
            _ = await poller.poll()
        }
        let lines = log.lines
        #expect(
            lines.map { "\($0.level) \($0.message)" } == [
                "info First poll succeeded",
                "warning The API sent an undocumented status; it is shown as UNKNOWN", "debug Poll succeeded",
                "warning Poll failed", "debug Poll failed", "warning Poll failed", "debug Poll failed",
                "info Polling recovered", "info Instance removed", "debug Poll succeeded",
            ])
        #expect(lines[3].metadata["reason"] == "timeout" && lines[3].metadata["error"] == "late")
        #expect(lines[3].metadata["next_attempt"] == "in 60 s")
        #expect(lines[4].metadata["next_attempt"] == "in 120 s")
        #expect("\(lines[5].metadata["hint"] ?? "")".contains("Enterprise"))
        #expect(lines[7].metadata["failures"] == "4")
        #expect(!lines.contains { "\($0)".contains("s3cret") })
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
