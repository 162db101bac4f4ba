import NIOCore
import NIOPosix
import Synchronization

/// Checks passwords against their hashes on half of the processors.
///
/// Clients take turns, so that the flood of one delays none of another. The answer to a wrong password is held back,
/// the longer the more requests of that client there are: clients that wait for their answers then take half of the
/// time, which leaves room for a right password from the same address. None of them has to be turned away.
final class PasswordChecks: Sendable {
    private struct Waiter {
        let continuation: CheckedContinuation<Bool, Never>
        let presence: ClientPresence
    }

    private struct State {
        var running = 0
        var waiting: FairQueue<Waiter>
        /// The delays of answers to wrong passwords.
        var held: Set<Task<Void, Never>> = []
        var isEnding = false
        /// Requests that are waiting, being checked, or held back.
        var requests: [ClientAddress: Int] = [:]
    }

    enum Result: Equatable {
        case right, wrong
        /// Too many checks wait already.
        case busy
    }

    /// The outcome of a comparison, and the time it took.
    typealias Comparison = (isRight: Bool, time: Duration)

    /// Threads of their own, for the whole process: what else waits for a thread must not wait for these.
    private static let threads: NIOThreadPool = {
        let threads = NIOThreadPool(numberOfThreads: concurrency(processors: System.coreCount))
        threads.start()
        return threads
    }()

    /// Checks that run at once; others wait.
    private let concurrency: Int
    /// Whether half of the only processor is left idle, as none is to spare.
    private let rests: Bool
    private let capacity: Int
    private let compare: @Sendable ([UInt8], Bcrypt) async -> Comparison
    private let sleep: @Sendable (Duration) async -> Void
    private let state: Mutex<State>

    /// Prepares for checks.
    ///
    /// - Parameter capacity: how many requests may wait, and how many may be held back besides. By default they take
    ///   three quarters of the connections, so that others still find a place.
    init(
        capacity: Int = Admission.limit(asked: Limits().connections) * 3 / 8, processors: Int = System.coreCount,
        compare: @escaping @Sendable ([UInt8], Bcrypt) async -> Comparison = PasswordChecks.compare,
        sleep: @escaping @Sendable (Duration) async -> Void = { try? await Task.sleep(for: $0) }
    ) {
        self.capacity = capacity
        concurrency = Self.concurrency(processors: processors)
        rests = processors < 2
        self.compare = compare
        self.sleep = sleep
        state = Mutex(State(waiting: FairQueue(capacity: capacity) { !$0.presence.hasLeft }))
    }

    private static func concurrency(processors: Int) -> Int {
        max(1, processors / 2)
    }

    private static func compare(_ password: [UInt8], _ hash: Bcrypt) async -> Comparison {
        let comparison = try? await threads.runIfActive {
            let start = ContinuousClock.now
            let isRight = hash.matches(password)
            return (isRight, ContinuousClock.now - start)
        }
        // Fails only when the threads have been stopped, which nobody does.
        return comparison ?? (false, .zero)
    }

    /// Whether the hash is of the password. A task that has been cancelled while it waited learns that it is wrong.
    func check(
        _ password: [UInt8], _ hash: Bcrypt, for client: ClientAddress, presence: ClientPresence = ClientPresence()
    ) async -> Result {
        state.withLock { $0.requests[client, default: 0] += 1 }
        defer {
            state.withLock { state in
                let others = (state.requests[client] ?? 1) - 1
                state.requests[client] = others > 0 ? others : nil
            }
        }
        guard await enter(client, presence) else { return .busy }
        guard !Task.isCancelled else {
            leave()
            return .wrong
        }
        let (isRight, time) = await compare(password, hash)
        if rests {
            Task {
                await sleep(time)
                leave()
            }
        } else {
            leave()
        }
        guard !isRight else { return .right }
        await hold(client, after: time)
        return .wrong
    }

    /// Takes twice the time in which all requests of the client could be checked.
    private func hold(_ client: ClientAddress, after time: Duration) async {
        let delay: Task<Void, Never>? = state.withLock { state in
            guard state.held.count < capacity, !state.isEnding else { return nil }
            let time = time * (2 * (state.requests[client] ?? 1)) / concurrency
            let delay = Task { await sleep(time) }
            state.held.insert(delay)
            return delay
        }
        guard let delay else { return }
        await withTaskCancellationHandler {
            await delay.value
        } onCancel: {
            delay.cancel()
        }
        _ = state.withLock { $0.held.remove(delay) }
    }

    /// Lets out all answers that are held back, and holds back no more: the server is shutting down.
    func endDelays() {
        let held = state.withLock { state in
            state.isEnding = true
            return state.held
        }
        for delay in held {
            delay.cancel()
        }
    }

    private func enter(_ client: ClientAddress, _ presence: ClientPresence) async -> Bool {
        await withCheckedContinuation { continuation in
            let (runs, turnedAway) = state.withLock { state in
                if state.running < concurrency {
                    state.running += 1
                    return (true, nil as Waiter?)
                }
                return (false, state.waiting.append(Waiter(continuation: continuation, presence: presence), of: client))
            }
            if runs {
                continuation.resume(returning: true)
            }
            turnedAway?.continuation.resume(returning: false)
        }
    }

    private func leave() {
        let next: Waiter? = state.withLock { state in
            if let next = state.waiting.popFirst() { return next }
            state.running -= 1
            return nil
        }
        next?.continuation.resume(returning: true)
    }
}
