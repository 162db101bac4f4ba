import NIOCore
import NIOPosix

/// The thread that polls: the API's answers arrive on it, and tasks that prefer it read them there.
///
/// A poll waits a dozen times, for its turn, for the API, for parts of an answer. Where each wait ends on another thread, waking that costs more than all
/// that a small account's poll does besides. It is none of the threads that serve: reading a long list keeps no scrape waiting.
public final class PollingLoop: TaskExecutor {
    /// The only one; it lives as long as the process.
    public static let shared = PollingLoop()

    let group: MultiThreadedEventLoopGroup
    private let loop: any EventLoop

    private init() {
        group = MultiThreadedEventLoopGroup(numberOfThreads: 1)
        loop = group.next()
    }

    public func enqueue(_ job: consuming ExecutorJob) {
        let job = UnownedJob(job)
        loop.execute { job.runSynchronously(on: self.asUnownedTaskExecutor()) }
    }

    /// Whether the caller is running on this thread.
    public var isCurrent: Bool {
        loop.inEventLoop
    }

    /// Waits, by a timer of this thread.
    ///
    /// - Throws: `CancellationError` where the calling task is cancelled meanwhile.
    public func sleep(for duration: Duration) async throws {
        try Task.checkCancellation()
        let ended = loop.makePromise(of: Void.self)
        let timer = schedule(after: duration) { ended.succeed() }
        try await withTaskCancellationHandler {
            try await ended.futureResult.get()
        } onCancel: {
            timer.cancel()
            // Whichever comes first decides; the other has no effect.
            ended.fail(CancellationError())
        }
    }

    /// Calls `action` on this thread after `duration`, unless what is returned is cancelled before.
    func schedule(after duration: Duration, _ action: @escaping @Sendable () -> Void) -> Scheduled<Void> {
        loop.scheduleTask(in: TimeAmount(duration), action)
    }
}
