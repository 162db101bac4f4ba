/// Thrown where work did not end in time.
struct DeadlinePassed: Error {}

/// Runs `work`, and cancels it where it has not ended after `duration`.
///
/// The deadline covers all of the work, however often parts of it make progress.
func withDeadline<Result: Sendable>(
    _ duration: Duration, _ work: @escaping @Sendable () async throws -> Result
) async throws -> Result {
    try await withThrowingTaskGroup(of: Result?.self) { group in
        group.addTask { try await work() }
        group.addTask {
            try await Task.sleep(for: duration)
            return nil
        }
        defer { group.cancelAll() }
        guard let first = try await group.next(), let result = first else {
            throw DeadlinePassed()
        }
        return result
    }
}
