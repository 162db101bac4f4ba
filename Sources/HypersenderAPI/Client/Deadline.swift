import NIOCore
import Synchronization

/// Thrown where work did not end in time.
struct DeadlinePassed: Error {}

/// Runs `work` on the thread that polls, and cancels it where it has not ended after `duration`.
///
/// The deadline covers all of the work, however often parts of it make progress.
func withDeadline<Result: Sendable>(
    _ duration: Duration, _ work: @escaping @Sendable () async throws -> Result
) async throws -> Result {
    let task = Task(executorPreference: PollingLoop.shared) { try await work() }
    let deadline = Deadline()
    let timer = PollingLoop.shared.schedule(after: duration) {
        deadline.hasPassed.store(true, ordering: .relaxed)
        task.cancel()
    }
    defer { timer.cancel() }
    do {
        return try await withTaskCancellationHandler {
            try await task.value
        } onCancel: {
            task.cancel()
        }
    } catch let error as HostNotResolved {
        // The name servers are to blame, not the API.
        throw error
    } catch  where deadline.hasPassed.load(ordering: .relaxed) {
        // Work that is cancelled may end in any error.
        throw DeadlinePassed()
    }
}

private final class Deadline: Sendable {
    let hasPassed = Atomic(false)
}
