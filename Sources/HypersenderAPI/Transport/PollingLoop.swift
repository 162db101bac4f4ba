import NIOCore
import NIOPosix
import Synchronization

/// The thread that polls: responses arrive on it, and the tasks that prefer it decode them there.
///
/// A poll suspends a dozen times. To wake another thread each time costs more than all else that a small account's poll
/// does. Scrapes are served by other threads, so that decoding a long list delays none.
public final class PollingLoop: TaskExecutor {
    /// The only one; it lives as long as the process.
    public static let shared = PollingLoop()

    let group = MultiThreadedEventLoopGroup(numberOfThreads: 1)
    let loop: any EventLoop

    private init() {
        loop = group.next()
    }

    /// Runs a job of a task on this thread.
    public func enqueue(_ job: consuming ExecutorJob) {
        let job = UnownedJob(job)
        loop.execute { job.runSynchronously(on: self.asUnownedTaskExecutor()) }
    }

    /// Whether the caller is running on this thread.
    public var isCurrent: Bool { loop.inEventLoop }

    /// Waits, by a timer of this thread.
    ///
    /// - Throws: `CancellationError` if the calling task is cancelled meanwhile.
    public func sleep(for duration: Duration) async throws {
        let timer = loop.scheduleTask(in: TimeAmount(duration)) {}
        defer { timer.cancel() }
        try await timer.futureResult.value(orThrow: CancellationError())
    }
}

extension EventLoopFuture where Value: Sendable {
    /// Waits for the value, or throws `error` as soon as the calling task is cancelled.
    func value(orThrow error: any Error) async throws -> Value {
        let promise = eventLoop.makePromise(of: Value.self)
        cascade(to: promise)
        return try await withTaskCancellationHandler {
            try await promise.futureResult.get()
        } onCancel: {
            // Whichever comes first decides; the other has no effect.
            promise.fail(error)
        }
    }
}

/// Thrown if work did not end in time.
struct DeadlinePassed: Error {}

/// Runs `work` on the polling thread, and cancels it if it has not ended after `duration`.
///
/// - Throws: `HostNotResolved` or `DeadlinePassed` if it did not end in time, else what `work` throws.
func withDeadline<Result: Sendable>(
    _ duration: Duration, _ work: @escaping @Sendable () async throws -> Result
) async throws -> Result {
    let task = Task(executorPreference: PollingLoop.shared) { try await work() }
    let hasPassed = Atomic(false)
    let timer = PollingLoop.shared.loop.scheduleTask(in: TimeAmount(duration)) {
        hasPassed.store(true, ordering: .relaxed)
        task.cancel()
    }
    defer { timer.cancel() }
    do {
        return try await withTaskCancellationHandler {
            try await task.value
        } onCancel: {
            task.cancel()
        }
    } catch let error where hasPassed.load(ordering: .relaxed) && !(error is HostNotResolved) {
        // Cancelled work may end in any error.
        throw DeadlinePassed()
    }
}
