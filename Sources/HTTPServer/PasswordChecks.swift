import NIOPosix
import Synchronization

/// Checks passwords against their hashes, few at a time: a flood of wrong ones must not take all cores. Clients take turns, so that the flood
/// of one delays none of another.
final class PasswordChecks: Sendable {
    private struct State {
        var running = 0
        var waiting: FairQueue<CheckedContinuation<Bool, Never>>
    }

    enum Result: Equatable {
        case right, wrong
        /// Too many checks wait already.
        case busy
    }

    /// Checks that run at once; others wait.
    static let concurrency = 2

    /// Threads of their own, for the whole process: what else waits for a thread must not wait for these.
    private static let threads: NIOThreadPool = {
        let threads = NIOThreadPool(numberOfThreads: concurrency)
        threads.start()
        return threads
    }()

    private let compare: @Sendable ([UInt8], Bcrypt) async -> Bool
    private let state: Mutex<State>

    /// Up to `capacity` checks wait for their turn.
    init(
        capacity: Int = 64, compare: @escaping @Sendable ([UInt8], Bcrypt) async -> Bool = PasswordChecks.compare
    ) {
        self.compare = compare
        state = Mutex(State(waiting: FairQueue(capacity: capacity)))
    }

    private static func compare(_ password: [UInt8], _ hash: Bcrypt) async -> Bool {
        // Fails only when the threads have been stopped, which nobody does.
        (try? await threads.runIfActive { hash.matches(password) }) ?? false
    }

    /// Whether the hash is of the password. A task that has been cancelled while it waited learns that it is wrong.
    func check(_ password: [UInt8], _ hash: Bcrypt, for client: ClientAddress) async -> Result {
        guard await enter(client) else { return .busy }
        defer { leave() }
        guard !Task.isCancelled else { return .wrong }
        return await compare(password, hash) ? .right : .wrong
    }

    private func enter(_ client: ClientAddress) async -> Bool {
        await withCheckedContinuation { continuation in
            let (runs, turnedAway) = state.withLock { state in
                if state.running < Self.concurrency {
                    state.running += 1
                    return (true, nil as CheckedContinuation<Bool, Never>?)
                }
                return (false, state.waiting.append(continuation, of: client))
            }
            if runs {
                continuation.resume(returning: true)
            }
            turnedAway?.resume(returning: false)
        }
    }

    private func leave() {
        let next: CheckedContinuation<Bool, Never>? = state.withLock { state in
            if let next = state.waiting.popFirst() { return next }
            state.running -= 1
            return nil
        }
        next?.resume(returning: true)
    }
}
