import Synchronization
import Testing

@testable import HypersenderAPI

extension ResponseBudget {
    /// The bytes that are left.
    fileprivate var free: Int { state.withLock { $0.free } }
}

struct ResponseBudgetTests {
    private static let step = ResponseBudget.step
    private static let guaranteed = ResponseBudget.guaranteedBytes

    /// Draws beyond the guaranteed bytes, and fails if there is a wait.
    private func draw(_ share: ResponseBudget.Share, beyond bytes: Int = guaranteed) async throws {
        let granted = try await withDeadline(.seconds(300)) { try await share.room(beyond: bytes) }
        #expect(granted == bytes + Self.step)
    }

    private func expectToWait(_ share: ResponseBudget.Share) async {
        await #expect(throws: DeadlinePassed.self) {
            try await withDeadline(.milliseconds(50)) { try await share.room(beyond: Self.guaranteed) }
        }
    }

    @Test func smallAndUsualResponsesNeedNoBudget() async throws {
        let budget = ResponseBudget(bytes: 0)
        let hog = budget.share(lastSize: 0)
        try await draw(hog)
        #expect(try await budget.share(lastSize: 0).room(beyond: 0) == Self.guaranteed)
        #expect(try await budget.share(lastSize: 1000).room(beyond: 1250) == Self.guaranteed)
        #expect(try await budget.share(lastSize: 8 << 20).room(beyond: 5 << 20) == 10 << 20)
        #expect(budget.free == 0)
        hog.release()
    }

    @Test func aShareIsReleasedOnce() async throws {
        let budget = ResponseBudget(bytes: 3 * Self.step)
        let share = budget.share(lastSize: 0)
        for _ in 0..<3 {
            try await draw(share)
        }
        #expect(budget.free == 0)
        for _ in 0..<2 {
            share.release()
            #expect(budget.free == 3 * Self.step)
        }
    }

    /// The overdraft holder leaves to others what it had drawn, and does not wait behind them.
    @Test func onePollAtATimeOverdraws() async throws {
        let budget = ResponseBudget(bytes: 2 * Self.step)
        let (first, second, third) = (budget.share(lastSize: 0), budget.share(lastSize: 0), budget.share(lastSize: 0))
        for _ in 0..<5 {
            try await draw(first)
        }
        #expect(budget.free == 2 * Self.step)
        for _ in 0..<2 {
            try await draw(second)
        }
        #expect(budget.free == 0)
        await expectToWait(third)
        async let waiting: Void = draw(third)
        try await draw(first, beyond: 40 << 20)
        second.release()
        try await waiting
        #expect(budget.free == Self.step)
        first.release()
        third.release()
        #expect(budget.free == 2 * Self.step)
    }

    @Test func theOverdraftPassesOn() async throws {
        let budget = ResponseBudget(bytes: 0)
        let shares = (0..<4).map { _ in budget.share(lastSize: 0) }
        try await draw(shares[0])
        try await withThrowingTaskGroup(of: Void.self) { group in
            for share in shares.dropFirst() {
                group.addTask {
                    try await draw(share)
                    share.release()
                }
            }
            await expectToWait(budget.share(lastSize: 0))
            shares[0].release()
            try await group.waitForAll()
        }
        try await draw(shares[0])
    }

    @Test func cancellationEndsTheWait() async throws {
        let budget = ResponseBudget(bytes: 0)
        let (first, second) = (budget.share(lastSize: 0), budget.share(lastSize: 0))
        try await draw(first)
        let waiting = Task { try await second.room(beyond: Self.guaranteed) }
        await expectToWait(second)
        waiting.cancel()
        await #expect(throws: CancellationError.self) { try await waiting.value }
        second.release()
        first.release()
        let late = Task {
            withUnsafeCurrentTask { $0?.cancel() }
            return try await second.room(beyond: Self.guaranteed)
        }
        await #expect(throws: CancellationError.self) { try await late.value }
    }
}
