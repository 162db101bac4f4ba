import Synchronization

/// How a server came to its end: asked to, or because a listener failed.
final class Ending: Sendable {
    private struct State {
        var hasBegun = false
        var result: Result<Void, ListenerError>?
        var waiting: [CheckedContinuation<Result<Void, ListenerError>, Never>] = []
    }

    private let state = Mutex(State())

    /// Returns after a shutdown, throws after a listener's own end.
    func wait() async throws(ListenerError) {
        try await withCheckedContinuation { continuation in
            let result = state.withLock { state in
                if state.result == nil {
                    state.waiting.append(continuation)
                }
                return state.result
            }
            if let result {
                continuation.resume(returning: result)
            }
        }.get()
    }

    /// Marks the beginning of a shutdown; false if one has begun already.
    func begin() -> Bool {
        state.withLock { state in
            defer { state.hasBegun = true }
            return !state.hasBegun
        }
    }

    /// A listener is closed, which is an error unless a shutdown has begun.
    func listenerClosed(_ address: ListenAddress) {
        end(.failure(ListenerError(address: address))) { !$0.hasBegun }
    }

    /// The shutdown is complete.
    func finish() {
        end(.success(())) { _ in true }
    }

    private func end(_ result: Result<Void, ListenerError>, if condition: (State) -> Bool) {
        let waiting = state.withLock { state in
            guard state.result == nil, condition(state) else {
                return [] as [CheckedContinuation<Result<Void, ListenerError>, Never>]
            }
            state.result = result
            defer { state.waiting = [] }
            return state.waiting
        }
        for continuation in waiting {
            continuation.resume(returning: result)
        }
    }
}
