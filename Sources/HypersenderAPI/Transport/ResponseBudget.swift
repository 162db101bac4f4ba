import Synchronization

/// The memory for response bodies that all accounts share.
///
/// Beyond its guaranteed bytes, a poll draws on the shared budget, a step at a time. Once that is exhausted, one poll
/// at a time may overdraw it, up to the limit on its response, and the others wait until their deadline. So memory is
/// bounded however many accounts receive endless responses at once, and yet some poll always proceeds.
public final class ResponseBudget: Sendable {
    /// The bytes that a poll may always have: some thousand instances.
    static let guaranteedBytes = 512 << 10
    /// The bytes that are drawn at a time.
    static let step = 1 << 20

    struct State {
        var free: Int
        var drawn: [ObjectIdentifier: Int] = [:]
        var overdraftHolder: ObjectIdentifier?
    }

    let state: Mutex<State>

    /// Creates a budget of so many bytes beyond those that each poll is guaranteed.
    public init(bytes: Int = 32 << 20) {
        state = Mutex(State(free: bytes))
    }

    /// Returns the share of a poll that begins.
    ///
    /// - Parameter lastSize: The size of the account's last list, in bytes. Up to a quarter more is guaranteed: an
    ///   account that is as large as it was does not depend on others.
    func share(lastSize: Int) -> Share {
        Share(self, guaranteedBytes: max(Self.guaranteedBytes, lastSize + lastSize / 4))
    }

    /// The part of the budget that one poll has. It must be released when the poll has ended.
    final class Share: Sendable {
        private let budget: ResponseBudget
        private let guaranteedBytes: Int

        fileprivate init(_ budget: ResponseBudget, guaranteedBytes: Int) {
            (self.budget, self.guaranteedBytes) = (budget, guaranteedBytes)
        }

        /// Waits until the poll may have more than `bytes`, and returns up to how many.
        ///
        /// - Throws: `CancellationError` if the task is cancelled meanwhile.
        func room(beyond bytes: Int) async throws -> Int {
            if bytes < guaranteedBytes { return guaranteedBytes }
            try Task.checkCancellation()
            while !draw() {
                try await PollingLoop.shared.sleep(for: .milliseconds(10))
            }
            return bytes + ResponseBudget.step
        }

        /// Draws one step, and returns whether the poll may proceed.
        private func draw() -> Bool {
            budget.state.withLock { state in
                let id = ObjectIdentifier(self)
                if state.overdraftHolder == id { return true }
                if state.free >= ResponseBudget.step {
                    state.free -= ResponseBudget.step
                    state.drawn[id, default: 0] += ResponseBudget.step
                    return true
                }
                guard state.overdraftHolder == nil else { return false }
                state.overdraftHolder = id
                state.free += state.drawn.removeValue(forKey: id) ?? 0
                return true
            }
        }

        func release() {
            budget.state.withLock { state in
                let id = ObjectIdentifier(self)
                state.free += state.drawn.removeValue(forKey: id) ?? 0
                if state.overdraftHolder == id { state.overdraftHolder = nil }
            }
        }
    }
}
