import Testing

@testable import HypersenderAPI

/// Who gets memory for an answer, and who has to wait.
struct ResponseMemoryTests {
    private static let step = ResponseMemory.step
    private static let always = ResponseMemory.always

    @Test func whatIsSmallOrUsualIsFree() async throws {
        let memory = ResponseMemory(bytes: 0)
        let hog = memory.share(usual: 0)
        #expect(try await hog.room(beyond: Self.always) == Self.always + Self.step)
        #expect(try await memory.share(usual: 0).room(beyond: 0) == Self.always)
        #expect(try await memory.share(usual: 1000).room(beyond: 1250) == Self.always)
        #expect(try await memory.share(usual: 8 << 20).room(beyond: 5 << 20) == 10 << 20)
        #expect(memory.free == 0 && memory.waitingCount == 0)
        hog.giveBack()
    }

    @Test func allIsGivenBack() async throws {
        let memory = ResponseMemory(bytes: 3 * Self.step)
        let share = memory.share(usual: 0)
        for _ in 0..<3 {
            _ = try await share.room(beyond: Self.always)
        }
        #expect(memory.free == 0)
        share.giveBack()
        #expect(memory.free == 3 * Self.step)
        share.giveBack()
        #expect(memory.free == 3 * Self.step)
    }

    /// One goes on when there is no room, and leaves what it had to the others.
    @Test func oneAtATimeGoesOn() async throws {
        let memory = ResponseMemory(bytes: 2 * Self.step)
        let (first, second, third) = (memory.share(usual: 0), memory.share(usual: 0), memory.share(usual: 0))
        for _ in 0..<5 {
            _ = try await first.room(beyond: Self.always)
        }
        #expect(memory.free == 2 * Self.step)
        for _ in 0..<2 {
            _ = try await second.room(beyond: Self.always)
        }
        #expect(memory.free == 0)
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { _ = try await third.room(beyond: Self.always) }
            try await until { memory.waitingCount == 1 }
            // The others' waiting does not hold up the one.
            _ = try await first.room(beyond: 40 << 20)
            second.giveBack()
            try await group.waitForAll()
        }
        #expect(memory.free == Self.step)
        first.giveBack()
        third.giveBack()
        #expect(memory.free == 2 * Self.step)
    }

    @Test func theNextOneFollowsTheOneThatEnds() async throws {
        let memory = ResponseMemory(bytes: 0)
        let shares = (0..<4).map { _ in memory.share(usual: 0) }
        _ = try await shares[0].room(beyond: Self.always)
        try await withThrowingTaskGroup(of: Void.self) { group in
            for share in shares.dropFirst() {
                group.addTask {
                    _ = try await share.room(beyond: Self.always)
                    share.giveBack()
                }
            }
            try await until { memory.waitingCount == 3 }
            shares[0].giveBack()
            try await group.waitForAll()
        }
        #expect(memory.waitingCount == 0)
    }

    @Test func whoIsCancelledWaitsNoLonger() async throws {
        let memory = ResponseMemory(bytes: 0)
        let (first, second) = (memory.share(usual: 0), memory.share(usual: 0))
        _ = try await first.room(beyond: Self.always)
        let waiting = Task { try await second.room(beyond: Self.always) }
        try await until { memory.waitingCount == 1 }
        waiting.cancel()
        await #expect(throws: CancellationError.self) { try await waiting.value }
        #expect(memory.waitingCount == 0)
        second.giveBack()
        first.giveBack()
        let late = Task {
            withUnsafeCurrentTask { $0?.cancel() }
            return try await second.room(beyond: Self.always)
        }
        await #expect(throws: CancellationError.self) { try await late.value }
    }

    private func until(_ condition: () -> Bool) async throws {
        let deadline = ContinuousClock.now + .seconds(300)
        while !condition() {
            try #require(ContinuousClock.now < deadline)
            await Task.yield()
        }
    }
}
