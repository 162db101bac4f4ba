import NIOPosix
import Synchronization

/// Checks passwords against their hashes, few at a time: a flood of wrong ones must not take all cores.
final class PasswordChecks: Sendable {
    private struct State {
        var running = 0
        var waiting: [CheckedContinuation<Bool, Never>] = []
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

    private let capacity: Int
    private let compare: @Sendable ([UInt8], Bcrypt) async -> Bool
    private let state = Mutex(State())

    /// Up to `capacity` checks wait for their turn.
    init(
        capacity: Int = 64, compare: @escaping @Sendable ([UInt8], Bcrypt) async -> Bool = PasswordChecks.compare
    ) {
        self.capacity = capacity
        self.compare = compare
    }

    private static func compare(_ password: [UInt8], _ hash: Bcrypt) async -> Bool {
        // Fails only when the threads have been stopped, which nobody does.
        (try? await threads.runIfActive { hash.matches(password) }) ?? false
    }

    /// Whether the hash is of the password. A task that has been cancelled while it waited learns that it is wrong.
    func check(_ password: [UInt8], _ hash: Bcrypt) async -> Result {
        guard await enter() else { return .busy }
        defer { leave() }
        guard !Task.isCancelled else { return .wrong }
        return await compare(password, hash) ? .right : .wrong
    }

    private func enter() async -> Bool {
        await withCheckedContinuation { continuation in
            let mayRun: Bool? = state.withLock { state in
                if state.running < Self.concurrency {
                    state.running += 1
                    return true
                }
                guard state.waiting.count < capacity else { return false }
                state.waiting.append(continuation)
                return nil
            }
            if let mayRun {
                continuation.resume(returning: mayRun)
            }
        }
    }

    private func leave() {
        let next: CheckedContinuation<Bool, Never>? = state.withLock { state in
            guard state.waiting.isEmpty else { return state.waiting.removeFirst() }
            state.running -= 1
            return nil
        }
        next?.resume(returning: true)
    }
}
