import Synchronization

/// Memory for the bodies of answers, shared by all accounts.
///
/// However many accounts get endless answers at once, what they take together is bounded. What a poll takes beyond what it may have anyway
/// comes out of a common room, by steps. Where that is used up, the poll that asks first goes on all the same, one at a time, as far as
/// the limit on its answer lets it, and the others wait for room until their deadline.
public final class ResponseMemory: Sendable {
    /// What a poll may always have, in bytes: some thousand instances.
    static let always = 512 << 10
    /// What is given at a time, in bytes.
    static let step = 1 << 20

    private struct Waiting {
        var share: ObjectIdentifier
        var continuation: CheckedContinuation<Void, any Error>
    }

    private struct State {
        /// What is left of the common room, in bytes.
        var free: Int
        /// What each poll has of it.
        var taken: [ObjectIdentifier: Int] = [:]
        /// The poll that goes on although there is no room.
        var favourite: ObjectIdentifier?
        /// First come, first served.
        var waiting: [Waiting] = []

        /// Whether the poll may go on, which is noted then.
        mutating func grant(_ share: ObjectIdentifier) -> Bool {
            if favourite == share {
                return true
            }
            if free >= ResponseMemory.step {
                free -= ResponseMemory.step
                taken[share, default: 0] += ResponseMemory.step
                return true
            }
            if favourite == nil {
                favourite = share
                free += taken.removeValue(forKey: share) ?? 0
                return true
            }
            return false
        }

        /// Those who need not wait any longer.
        mutating func served() -> [CheckedContinuation<Void, any Error>] {
            var served: [CheckedContinuation<Void, any Error>] = []
            while let first = waiting.first, grant(first.share) {
                served.append(waiting.removeFirst().continuation)
            }
            return served
        }
    }

    private let state: Mutex<State>

    /// - Parameter bytes: how large the common room is.
    public init(bytes: Int = 32 << 20) {
        state = Mutex(State(free: bytes))
    }

    /// How much is left of the common room, in bytes.
    var free: Int {
        state.withLock { $0.free }
    }

    /// How many polls wait.
    var waitingCount: Int {
        state.withLock { $0.waiting.count }
    }

    /// What one poll has. It must be given back when the poll has ended.
    final class Share: Sendable {
        private let memory: ResponseMemory
        /// What it may have without asking, in bytes.
        private let own: Int

        fileprivate init(_ memory: ResponseMemory, own: Int) {
            self.memory = memory
            self.own = own
        }

        /// Waits until there is room beyond `bytes`, and returns up to where there is.
        ///
        /// - Throws: `CancellationError` where the task is cancelled meanwhile.
        func room(beyond bytes: Int) async throws -> Int {
            if bytes < own {
                return own
            }
            try await memory.grant(ObjectIdentifier(self))
            return bytes + ResponseMemory.step
        }

        func giveBack() {
            memory.release(ObjectIdentifier(self))
        }
    }

    /// The share of a poll that begins.
    ///
    /// - Parameter usual: the size of the last answer, in bytes. A quarter more than that, the poll may have without asking: an account that
    ///   is as large as it was does not depend on others.
    func share(usual: Int) -> Share {
        Share(self, own: max(Self.always, usual + usual / 4))
    }

    private func grant(_ share: ObjectIdentifier) async throws {
        try await withTaskCancellationHandler {
            try await withCheckedThrowingContinuation { continuation in
                let result: Result<Void, any Error>? = state.withLock { state in
                    if Task.isCancelled {
                        return .failure(CancellationError())
                    }
                    if state.favourite == share || state.waiting.isEmpty, state.grant(share) {
                        // Who becomes the favourite makes room for others; but nobody waits then.
                        return .success(())
                    }
                    state.waiting.append(Waiting(share: share, continuation: continuation))
                    return nil
                }
                if let result {
                    continuation.resume(with: result)
                }
            }
        } onCancel: {
            let cancelled = state.withLock { state in
                state.waiting.firstIndex { $0.share == share }.map { state.waiting.remove(at: $0).continuation }
            }
            cancelled?.resume(throwing: CancellationError())
        }
    }

    private func release(_ share: ObjectIdentifier) {
        let served = state.withLock { state in
            state.free += state.taken.removeValue(forKey: share) ?? 0
            if state.favourite == share {
                state.favourite = nil
            }
            return state.served()
        }
        for continuation in served {
            continuation.resume()
        }
    }
}
