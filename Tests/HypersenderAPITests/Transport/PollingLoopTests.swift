import Testing

@testable import HypersenderAPI

struct PollingLoopTests {
    private let loop = PollingLoop.shared

    @Test func whatPrefersItRunsOnIt() async {
        #expect(!loop.isCurrent)
        let isOnIt = await Task(executorPreference: loop) { [loop] in
            let before = loop.isCurrent
            await Task.yield()
            return before && loop.isCurrent
        }.value
        #expect(isOnIt)
    }

    @Test func sleepsAsLongAsAsked() async throws {
        let start = ContinuousClock.now
        try await loop.sleep(for: .milliseconds(20))
        #expect(ContinuousClock.now - start >= .milliseconds(20))
        try await loop.sleep(for: .seconds(-3600))
    }

    @Test func sleepEndsWithItsTask() async {
        let sleeper = Task { [loop] in try await loop.sleep(for: .seconds(3600)) }
        sleeper.cancel()
        await #expect(throws: CancellationError.self) { try await sleeper.value }
    }

    @Test func workHasADeadline() async throws {
        let isOnIt = try await withDeadline(.seconds(3600)) { [loop] in loop.isCurrent }
        #expect(isOnIt)
        await #expect(throws: DeadlinePassed.self) {
            try await withDeadline(.milliseconds(1)) { [loop] in try await loop.sleep(for: .seconds(3600)) }
        }
        await #expect(throws: APIError.self) {
            try await withDeadline(.seconds(3600)) { throw APIError(.decode, "not a list") }
        }
        // A deadline does not come between a task and the one that cancels it.
        let task = Task { [loop] in
            try await withDeadline(.seconds(3600)) { try await loop.sleep(for: .seconds(3600)) }
        }
        task.cancel()
        await #expect(throws: CancellationError.self) { try await task.value }
    }
}
