import NIOCore
import NIOPosix

/// Checks passwords against bcrypt hashes, on half of the processors.
///
/// Clients take turns, so that a flood from one delays none of another. The answer to a wrong password is held back,
/// the longer the more requests of that client there are: a client that waits for its answers then takes half of the
/// time, which leaves room for a right password from the same address.
actor PasswordChecker {
    enum Outcome {
        case right, wrong
        /// Too many checks are waiting.
        case busy
    }

    typealias Comparison = (isRight: Bool, time: Duration)

    private typealias Waiter = (continuation: CheckedContinuation<Bool, Never>, presence: ClientPresence)

    /// Threads of the whole process for nothing else: other work must not wait for hashes.
    private static let threads: NIOThreadPool = {
        let threads = NIOThreadPool(numberOfThreads: max(1, System.coreCount / 2))
        threads.start()
        return threads
    }()

    /// The number of checks that run at once.
    private let concurrency: Int
    /// Whether each check is followed by as long a pause, since there is only one processor.
    private let pauses: Bool
    private let capacity: Int
    private let compare: @Sendable ([UInt8], BcryptHash) async -> Comparison
    private let sleep: @Sendable (Duration) async -> Void

    private var running = 0
    private var waiting: FairQueue<Waiter>
    /// The delays of answers to wrong passwords.
    private var delays: Set<Task<Void, Never>> = []
    private var isEnding = false
    /// Requests of each client that wait, are checked or held back.
    private var requests: [ClientAddress: Int] = [:]

    /// - Parameter capacity: the number of requests that may wait, and of those that may be held back besides. By
    ///   default they take three quarters of the connections, so that others still find a place.
    init(
        capacity: Int = ConnectionLimit.maximum(asked: Limits().connections) * 3 / 8,
        processors: Int = System.coreCount,
        compare: @escaping @Sendable ([UInt8], BcryptHash) async -> Comparison = PasswordChecker.compare,
        sleep: @escaping @Sendable (Duration) async -> Void = { try? await Task.sleep(for: $0) }
    ) {
        self.capacity = capacity
        concurrency = max(1, processors / 2)
        pauses = processors < 2
        self.compare = compare
        self.sleep = sleep
        waiting = FairQueue(capacity: capacity) { !$0.presence.hasLeft }
    }

    private static func compare(_ password: [UInt8], _ hash: BcryptHash) async -> Comparison {
        let comparison = try? await threads.runIfActive {
            let start = ContinuousClock.now
            return (hash.matches(password), ContinuousClock.now - start)
        }
        // Fails only if the threads have been stopped, which nobody does.
        return comparison ?? (false, .zero)
    }

    /// Returns whether the hash is of the password. A task that was cancelled while it waited gets `wrong`.
    func check(_ password: [UInt8], _ hash: BcryptHash, for client: Client) async -> Outcome {
        let address = client.address
        requests[address, default: 0] += 1
        defer {
            requests[address, default: 1] -= 1
            if requests[address] == 0 { requests[address] = nil }
        }
        guard await enter(client) else { return .busy }
        guard !Task.isCancelled else {
            leave()
            return .wrong
        }
        let (isRight, time) = await compare(password, hash)
        if pauses {
            Task {
                await sleep(time)
                leave()
            }
        } else {
            leave()
        }
        guard !isRight else { return .right }
        // Twice the time that a check of all requests of the client takes.
        await delay(time * (2 * requests[address, default: 1]) / concurrency)
        return .wrong
    }

    private func enter(_ client: Client) async -> Bool {
        if running < concurrency {
            running += 1
            return true
        }
        return await withCheckedContinuation { continuation in
            waiting.append((continuation, client.presence), of: client.address)?.continuation.resume(returning: false)
        }
    }

    private func leave() {
        if let next = waiting.popFirst() {
            next.continuation.resume(returning: true)
        } else {
            running -= 1
        }
    }

    private func delay(_ time: Duration) async {
        guard delays.count < capacity, !isEnding else { return }
        let delay = Task { await sleep(time) }
        delays.insert(delay)
        await withTaskCancellationHandler {
            await delay.value
        } onCancel: {
            delay.cancel()
        }
        delays.remove(delay)
    }

    /// Sends all answers that are held back, and holds back no more: the server is shutting down.
    func endDelays() {
        isEnding = true
        delays.forEach { $0.cancel() }
    }
}
