import AsyncHTTPClient
import NIOCore
import NIOHTTP1
import Synchronization

/// Something that can be asked for the list of instances.
public protocol InstanceLister: Sendable {
    /// Fetches the whole list, or fails as a whole.
    ///
    /// - Throws: `APIError`, or `CancellationError` where the calling task is cancelled.
    func listInstances() async throws -> ListAnswer
}

/// What comes of asking for the list.
public enum ListAnswer: Sendable, Equatable {
    /// The list as it is now.
    case list(InstanceList)
    /// It is the list that the same lister gave last; all that is new is what the answer said of the rate limit.
    case unchanged(RateLimit)
}

/// Asks the Hypersender API for the list of instances: `GET /instances`, page by page where there are pages.
///
/// It is strictly read-only. The token goes to the origin of the base URL only, and no redirect is followed.
public final class HypersenderClient: InstanceLister {
    /// Ten thousand instances at the framework's default of 15 a page are 667 pages.
    static let mostPages = 1000

    private let configuration: APIConfiguration
    private let connections: Connections
    private let memory: ResponseMemory
    /// The size of the last list, in bytes.
    private let usual = Atomic(0)
    /// What is known of the list that was given last.
    private let known = Mutex<Known?>(nil)

    /// A list, and what it was asked for with: what another token may see is another list, even at the same address.
    private struct Known {
        var url: String
        var token: Secret
        var list: ReadList
        /// By what the answer would be recognised; nil where it had several pages.
        var answer: KnownAnswer?
    }

    private struct KnownAnswer {
        /// By what the API would recognise it.
        var validator: Validator?
        /// Of the body: to read the same list again would cost several times as much.
        var digest: BodyDigest
    }

    /// Sets up the client; nothing is asked yet.
    ///
    /// - Parameters:
    ///   - connections: what requests go through; it must have been set up for `configuration.connections`.
    ///   - memory: where answers get room from.
    public init(_ configuration: APIConfiguration, connections: Connections, memory: ResponseMemory) {
        precondition(configuration.connections == connections.settings, "the connections lead elsewhere")
        self.configuration = configuration
        self.connections = connections
        self.memory = memory
    }

    /// Where the API gives validators, and the list is a single page, it is asked for only if it has changed. Where it gives none, the list
    /// is read only if it has.
    public func listInstances() async throws -> ListAnswer {
        let configuration = configuration
        let token: Secret
        do {
            token = try configuration.token.read()
        } catch {
            throw APIError(.token, error.description)
        }
        let share = memory.share(usual: usual.load(ordering: .relaxed))
        defer { share.giveBack() }
        do {
            let fetched = try await withDeadline(configuration.timeout) {
                try await self.fetchPages(token, share)
            }
            if case .list(let list) = fetched.answer {
                usual.store(list.bytes, ordering: .relaxed)
            }
            // Not before the deadline is known to be kept: a list that was not given must not be referred to.
            known.withLock { $0 = fetched.known }
            return fetched.answer
        } catch let error as APIError {
            throw error
        } catch is CancellationError {
            throw CancellationError()
        } catch is DeadlinePassed {
            throw APIError(.timeout, "the API did not answer in full within --poll.timeout")
        } catch {
            // A cancelled request may end in any error of the layers below.
            try Task.checkCancellation()
            throw APIError(transport: error)
        }
    }

    private func fetchPages(
        _ token: Secret, _ share: ResponseMemory.Share
    ) async throws -> (answer: ListAnswer, known: Known?) {
        let first = configuration.baseURL.instances(configuration.filter)
        var url = first
        var visited: Set<String> = []
        var known = self.known.withLock { $0 }.flatMap { $0.url == url && $0.token == token ? $0 : nil }
        var decoder = InstanceListDecoder(phone: configuration.phone.keep(token), previous: known?.list)
        while true {
            guard visited.insert(url).inserted else {
                throw APIError(.decode, "page \(visited.count + 1) of the list links back to an earlier page")
            }
            let response = try await fetch(
                url, token, unless: visited.count == 1 ? known?.answer?.validator : nil,
                before: decoder.list.bytes, share)
            guard case .page(let answer) = response else {
                return (.unchanged(response.rateLimit), known)
            }
            // That the first of several pages is the same says nothing of the others.
            let found =
                visited.count == 1
                ? KnownAnswer(validator: answer.validator, digest: try BodyDigest(answer.body)) : nil
            if let found, found.digest == known?.answer?.digest {
                known?.answer = found
                return (.unchanged(answer.rateLimit), known)
            }
            let before = decoder.list.instances.count
            let link: String?
            do {
                link = try decoder.decode(page: answer.body)
            } catch {
                throw APIError(notAList: error, body: answer.body, rateLimit: answer.rateLimit)
            }
            guard let link else {
                var list = decoder.list
                list.rateLimit = answer.rateLimit
                return (
                    .list(list),
                    Known(
                        url: first, token: token, list: decoder.readList, answer: found)
                )
            }
            guard let next = configuration.baseURL.page(link: link, configuration.filter) else {
                throw APIError(
                    .redirect, "page \(visited.count) of the list links to another origin, which is not followed",
                    rateLimit: answer.rateLimit)
            }
            // Pages cost the customer's budget of requests: a chain of them must lead somewhere, and end.
            guard decoder.list.instances.count > before, visited.count < Self.mostPages else {
                throw APIError(
                    .decode,
                    visited.count < Self.mostPages
                        ? "page \(visited.count) of the list has no further instances, but links to a next page"
                        : "the list has more than \(Self.mostPages) pages", rateLimit: answer.rateLimit)
            }
            url = next
        }
    }

    private struct Page {
        var body: [UInt8]
        var rateLimit: RateLimit
        var validator: Validator?
    }

    private enum Answer {
        case page(Page)
        /// 304, as the request allowed.
        case unchanged(RateLimit)

        var rateLimit: RateLimit {
            switch self {
            case .page(let page): page.rateLimit
            case .unchanged(let rateLimit): rateLimit
            }
        }
    }

    /// Fetches one page. An answer with any status but 200, or 304 where a validator is given, is thrown as an `APIError`.
    ///
    /// - Parameter before: the size of the pages before it, in bytes.
    private func fetch(
        _ url: String, _ token: Secret, unless validator: Validator?, before: Int, _ share: ResponseMemory.Share
    ) async throws -> Answer {
        var request = HTTPClientRequest(url: url)
        request.headers = [
            "accept": "application/json",
            "accept-encoding": "gzip",
            "authorization": token.authorization,
            "user-agent": configuration.userAgent,
        ]
        if let condition = validator?.condition {
            request.headers.add(name: condition.name, value: condition.value)
        }
        let response = try await connections.execute(request)
        let rateLimit = RateLimit(
            limit: response.headers.first(name: "x-ratelimit-limit").flatMap { UInt32($0) }.map { Int($0) },
            remaining: response.headers.first(name: "x-ratelimit-remaining").flatMap { UInt32($0) }.map { Int($0) })
        if response.status == .notModified, validator != nil {
            // There is no body; to read to its end is what frees the connection for the next poll.
            for try await _ in response.body {}
            connections.answered()
            return .unchanged(rateLimit)
        }
        guard response.status == .ok else {
            throw APIError(
                status: Int(response.status.code), message: await errorMessage(response, token),
                retry: RetryAdvice(
                    retryAfter: response.headers.first(name: "retry-after"),
                    rateLimitReset: response.headers.first(name: "x-ratelimit-reset")),
                rateLimit: rateLimit)
        }
        let body: [UInt8]
        do {
            body = try await response.bytes(upTo: configuration.maxResponseBytes - before) { bytes in
                try await share.room(beyond: before + bytes) - before
            }
        } catch is HTTPClientResponse.TooLarge {
            throw APIError(
                .tooLarge, "the answer is larger than \(configuration.maxResponseBytes) bytes", rateLimit: rateLimit)
        }
        connections.answered()
        return .page(Page(body: body, rateLimit: rateLimit, validator: Validator(response.headers)))
    }

    /// The `message` of an error's JSON body, fit to be printed; nil where there is none.
    private func errorMessage(_ response: HTTPClientResponse, _ token: Secret) async -> String? {
        // What an error says is a courtesy: if it cannot be read, or not soon, the status alone is reported.
        guard
            let body = try? await withDeadline(.seconds(1), { try await response.bytes(upTo: 64 << 10) { _ in .max } }),
            let message = ErrorBody.message(in: body), !token.occurs(in: message)
        else {
            return nil
        }
        return Redaction.apply(to: message)
    }
}

/// The body of an error, `{"message":"…"}` as the API's framework writes it.
enum ErrorBody {
    /// The message, as it came; nil where the body is something else.
    static func message(in bytes: [UInt8]) -> String? {
        guard var reader = try? JSONReader(bytes), reader.kind == .object else {
            return nil
        }
        var message: String?
        do {
            try reader.readObject { (key, reader) throws(JSONError) in
                if reader.is(key, "message") {
                    message = try reader.readStringIfAny()
                } else {
                    try reader.skipValue()
                }
            }
        } catch {
            return nil
        }
        return message.flatMap { $0.isEmpty ? nil : $0 }
    }
}
