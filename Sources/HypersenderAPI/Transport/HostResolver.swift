import Basics
import Glibc
import Synchronization

/// Resolves host names with the system's resolver, each on a thread of its own.
///
/// `getaddrinfo` blocks and cannot be cancelled. A name that is never answered occupies its thread until the system gives up; other names are not
/// delayed by that, and whoever asks for the same name meanwhile waits for the lookup under way instead of starting another.
final class HostResolver: Sendable {
    /// The addresses of a name in the order of preference, or why there are none.
    typealias Answer = Result<[String], HostNotResolved>

    /// The resolver of the process.
    static let shared = HostResolver()

    private struct State {
        /// The tasks that wait for a name, by a number of their own. A name without any is still being looked up.
        var waiting: [String: [Int: CheckedContinuation<[String], any Error>]] = [:]
        /// Names that wait for a thread, oldest first.
        var queue: [String] = []
        var threads = 0
        var tasks = 0
    }

    private let maximumThreads: Int
    private let lookUp: @Sendable (String) -> Answer
    private let state = Mutex(State())

    /// - Parameters:
    ///   - maximumThreads: Limit of names looked up at the same time; further ones wait.
    ///   - lookUp: Looks up one name; may block.
    init(maximumThreads: Int = 128, lookUp: @escaping @Sendable (String) -> Answer = HostResolver.system) {
        self.maximumThreads = maximumThreads
        self.lookUp = lookUp
    }

    /// Returns the addresses of a host; an address stands for itself.
    ///
    /// - Throws: `HostNotResolved`, also where the calling task is cancelled first.
    func addresses(of host: String) async throws -> [String] {
        if IPAddress(host) != nil {
            return [host]
        }
        let task = state.withLock { state in
            state.tasks += 1
            return state.tasks
        }
        return try await withTaskCancellationHandler {
            try await withCheckedThrowingContinuation { continuation in
                wait(task, for: host, continuation)
            }
        } onCancel: {
            let waiting = state.withLock { $0.waiting[host]?.removeValue(forKey: task) }
            waiting?.resume(throwing: HostNotResolved(host: host, reason: .noAnswerInTime))
        }
    }

    private func wait(_ task: Int, for host: String, _ continuation: CheckedContinuation<[String], any Error>) {
        let needsThread = state.withLock { state in
            guard state.waiting[host] == nil else {
                state.waiting[host]?[task] = continuation
                return false
            }
            state.waiting[host] = [task: continuation]
            state.queue.append(host)
            guard state.threads < maximumThreads else {
                return false
            }
            state.threads += 1
            return true
        }
        // The task may have been cancelled before its continuation was there to be resumed.
        if Task.isCancelled {
            let waiting = state.withLock { $0.waiting[host]?.removeValue(forKey: task) }
            waiting?.resume(throwing: HostNotResolved(host: host, reason: .noAnswerInTime))
        }
        if needsThread, !Self.startThread(work) {
            // The names that wait are looked up by the threads there are, or with the next name.
            let abandoned = state.withLock { state in
                state.threads -= 1
                guard state.threads == 0 else {
                    return [(String, [Int: CheckedContinuation<[String], any Error>])]()
                }
                defer { state.queue = [] }
                return state.queue.map { ($0, state.waiting.removeValue(forKey: $0) ?? [:]) }
            }
            for (host, tasks) in abandoned {
                for waiting in tasks.values {
                    waiting.resume(throwing: HostNotResolved(host: host, reason: .failed("no thread can be started")))
                }
            }
        }
    }

    /// Looks up names until none waits for a thread.
    @Sendable private func work() {
        while let host = nextHost() {
            let answer = lookUp(host)
            let tasks = state.withLock { $0.waiting.removeValue(forKey: host) }
            for waiting in (tasks ?? [:]).values {
                waiting.resume(with: answer.mapError { $0 })
            }
        }
    }

    private func nextHost() -> String? {
        state.withLock { state in
            while !state.queue.isEmpty {
                let host = state.queue.removeFirst()
                if state.waiting[host]?.isEmpty == false {
                    return host
                }
                // Nobody waits for it any more.
                state.waiting[host] = nil
            }
            state.threads -= 1
            return nil
        }
    }

    /// Bytes of stack of a thread: `getaddrinfo` needs some tens of kilobytes.
    private static let stackSize = 256 << 10

    private final class Work: Sendable {
        let run: @Sendable () -> Void

        init(_ run: @escaping @Sendable () -> Void) {
            self.run = run
        }
    }

    /// - Returns: Whether the thread was started.
    private static func startThread(_ run: @escaping @Sendable () -> Void) -> Bool {
        let work = Unmanaged.passRetained(Work(run))
        let result = withUnsafeTemporaryAllocation(of: pthread_attr_t.self, capacity: 1) { buffer in
            guard let attributes = buffer.baseAddress, pthread_attr_init(attributes) == 0 else {
                return EAGAIN
            }
            defer { pthread_attr_destroy(attributes) }
            pthread_attr_setdetachstate(attributes, CInt(PTHREAD_CREATE_DETACHED))
            pthread_attr_setstacksize(attributes, stackSize)
            var thread = pthread_t()
            return pthread_create(
                &thread, attributes,
                { context in
                    if let context {
                        Unmanaged<Work>.fromOpaque(context).takeRetainedValue().run()
                    }
                    return nil
                }, work.toOpaque())
        }
        if result != 0 {
            work.release()
        }
        return result == 0
    }

    /// Asks the C library, which reads /etc/hosts and asks the name servers. Blocks.
    @Sendable static func system(_ host: String) -> Answer {
        var hints = addrinfo()
        hints.ai_socktype = CInt(SOCK_STREAM.rawValue)
        var list: UnsafeMutablePointer<addrinfo>?
        let code = getaddrinfo(host, nil, &hints, &list)
        defer { list.map(freeaddrinfo) }
        switch code {
        case 0: break
        case EAI_NONAME, -5: return .failure(HostNotResolved(host: host, reason: .unknown))
        case EAI_AGAIN: return .failure(HostNotResolved(host: host, reason: .noServer))
        default: return .failure(HostNotResolved(host: host, reason: .failed(String(cString: gai_strerror(code)))))
        }
        var addresses: [String] = []
        var next = list
        while let entry = next?.pointee {
            var text = [CChar](repeating: 0, count: Int(NI_MAXHOST))
            let result = getnameinfo(
                entry.ai_addr, entry.ai_addrlen, &text, socklen_t(text.count), nil, 0, NI_NUMERICHOST)
            if result == 0 {
                addresses.append(String(decoding: text.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self))
            }
            next = entry.ai_next
        }
        return addresses.isEmpty ? .failure(HostNotResolved(host: host, reason: .unknown)) : .success(addresses)
    }
}

/// Thrown where a host name has no address.
struct HostNotResolved: Error, Equatable {
    enum Reason: Equatable, CustomStringConvertible {
        /// The name servers know no address for it.
        case unknown
        /// The name servers cannot be reached, or fail.
        case noServer
        /// The lookup did not end before the task that waited for it was cancelled.
        case noAnswerInTime
        case failed(String)

        /// A sentence without a period.
        var description: String {
            switch self {
            case .unknown: "it is unknown"
            case .noServer: "no name server answers, or all of them fail"
            case .noAnswerInTime: "there was no answer within --poll.timeout"
            case .failed(let problem): problem
            }
        }
    }

    let host: String
    let reason: Reason
}
