import Basics
import Synchronization

/// A source of instance lists.
public protocol InstanceLister: Sendable {
    /// Fetches the whole list, or fails as a whole.
    ///
    /// - Throws: `APIError`, or `CancellationError` if the calling task is cancelled.
    func listInstances() async throws -> ListResponse
}

/// The outcome of a list request.
public enum ListResponse: Sendable, Equatable {
    /// The list as it is now.
    case list(InstanceList)
    /// The list is the one that the same lister returned last. The rate limit and the age, in seconds, are new.
    case unchanged(RateLimit, age: Double)
}

/// Asks the Hypersender API for the list of instances: `GET /instances`, page by page if there are pages.
///
/// It is strictly read-only. The token goes to the origin of the base URL only, and no redirect is followed.
public final class HypersenderClient: InstanceLister {
    private let configuration: APIConfiguration
    private let connections: ConnectionPool
    private let budget: ResponseBudget
    private let previous = Mutex<PreviousList?>(nil)

    /// Sets up the client; nothing is asked yet.
    ///
    /// - Parameters:
    ///   - connections: They must have been set up for `configuration.connections`.
    ///   - budget: The memory for responses.
    public init(_ configuration: APIConfiguration, connections: ConnectionPool, budget: ResponseBudget) {
        precondition(configuration.connections == connections.configuration, "the connections lead elsewhere")
        (self.configuration, self.connections, self.budget) = (configuration, connections, budget)
    }

    /// Fetches the list, unless it has not changed since it was returned last.
    ///
    /// The API is told the validator of a list of one page, if it has given one. Without one, an identical body counts
    /// as unchanged, at the latest when it comes for the third time.
    public func listInstances() async throws -> ListResponse {
        let token: Secret
        do {
            token = try configuration.token.read()
        } catch {
            throw APIError(.token, error.description)
        }
        let previous = previous.withLock { $0 }
        let share = budget.share(lastSize: previous?.size ?? 0)
        defer { share.release() }
        do {
            let (response, read) = try await withDeadline(configuration.timeout) {
                try await self.fetchList(token, share, previous?.token == token ? previous : nil)
            }
            // Not before the deadline is known to be kept: a list that was not returned must not be referred to.
            self.previous.withLock { $0 = read }
            return response
        } catch is DeadlinePassed {
            throw APIError(.timeout, "the API did not answer in full within the poll timeout")
        } catch let error where !(error is APIError || error is CancellationError) {
            // A cancelled request may end in any error of the layers below.
            try Task.checkCancellation()
            throw APIError(transport: error)
        }
    }

    private func fetchList(
        _ token: Secret, _ share: ResponseBudget.Share, _ previous: PreviousList?
    ) async throws -> ListFetch.Outcome {
        var fetch = ListFetch(configuration, connections, token, share, previous: previous)
        do {
            return try await fetch.run()
        } catch let error as APIError where error.reason == .incomplete && fetch.pages > 1 {
            // Instances that come or go move the others from page to page. The next attempt mostly finds them at rest.
            share.release()
        }
        fetch = ListFetch(configuration, connections, token, share, previous: previous)
        return try await fetch.run()
    }
}
