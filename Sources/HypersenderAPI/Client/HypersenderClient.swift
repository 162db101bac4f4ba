import AsyncHTTPClient
import Basics
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

/// The outcome of a list request.
public enum ListAnswer: Sendable, Equatable {
    /// The list as it is now.
    case list(InstanceList)
    /// The list is the one that the same lister gave last. New are only the rate limit and the answer's age in seconds.
    case unchanged(RateLimit, age: Double)
}

/// Asks the Hypersender API for the list of instances: `GET /instances`, page by page where there are pages.
///
/// It is strictly read-only. The token goes to the origin of the base URL only, and no redirect is followed.
public final class HypersenderClient: InstanceLister {
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
        let known = self.known.withLock { $0 }.flatMap { $0.url == first && $0.token == token ? $0 : nil }
        var walk = PageWalk(configuration.baseURL, configuration.filter)
        do {
            return try await fetchPages(&walk, token, known, share)
        } catch let error as APIError where error.reason == .incomplete && walk.pages > 1 {
            // Instances that come or go move the others from page to page. That is over at the next try, most often.
            share.giveBack()
        }
        walk = PageWalk(configuration.baseURL, configuration.filter)
        return try await fetchPages(&walk, token, known, share)
    }

    private func fetchPages(
        _ walk: inout PageWalk, _ token: Secret, _ known: Known?, _ share: ResponseMemory.Share
    ) async throws -> (answer: ListAnswer, known: Known?) {
        var known = known
        var decoder = InstanceListDecoder(phone: configuration.phone.keep(token), previous: known?.list)
        let first = walk.url
        var age = 0.0
        // Of a list of one page; that the first of several is the same says nothing of the others.
        var found: KnownAnswer?
        var condition = known?.answer?.validator
        // A next page that an unchanged first page has promised.
        var promised: String?
        while true {
            let response = try await fetch(
                walk.url, token, unless: condition, before: decoder.list.bytes, share)
            condition = nil
            var facts = response.facts
            facts.nextLink = facts.nextLink ?? promised.take()
            age = max(age, facts.age)
            guard let body = response.body else {
                if facts.nextLink != nil {
                    // The page has not changed, but the list has grown by another.
                    promised = facts.nextLink
                    continue
                }
                return (.unchanged(facts.rateLimit, age: age), known)
            }
            do {
                found = walk.pages == 0 ? KnownAnswer(validator: facts.validator, digest: try BodyDigest(body)) : nil
                if let found, found.digest == known?.answer?.digest, facts.nextLink == nil {
                    known?.answer = found
                    return (.unchanged(facts.rateLimit, age: age), known)
                }
                guard try advance(&walk, &decoder, body, facts, token) else {
                    var list = decoder.list
                    list.rateLimit = facts.rateLimit
                    list.age = age
                    return (.list(list), Known(url: first, token: token, list: decoder.readList, answer: found))
                }
            } catch let error as APIError {
                throw error.answered(facts)
            }
        }
    }

    /// Reads a page, and moves on to the next.
    ///
    /// - Returns: whether there is one.
    private func advance(
        _ walk: inout PageWalk, _ decoder: inout InstanceListDecoder, _ body: [UInt8], _ facts: ResponseFacts,
        _ token: Secret
    ) throws(APIError) -> Bool {
        var signs: PageSigns
        do {
            signs = try decoder.decode(page: body)
        } catch {
            throw APIError(notAList: error, body: ErrorBody(body, isWhole: true, token: token))
        }
        signs.links += facts.nextLink.map { [$0] } ?? []
        return try walk.advance(signs, found: decoder.elements)
    }

    private struct Answer {
        /// `nil` for 304, as the request allowed.
        var body: [UInt8]?
        var facts: ResponseFacts
    }

    /// Fetches one page.
    ///
    /// - Parameter before: the size of the pages before it, in bytes.
    /// - Throws: `APIError` for any status but 200, and 304 if a validator is given.
    private func fetch(
        _ url: String, _ token: Secret, unless validator: Validator?, before: Int, _ share: ResponseMemory.Share
    ) async throws -> Answer {
        var request = HTTPClientRequest(url: url)
        request.headers = [
            "accept": "application/json",
            "accept-encoding": "gzip",
            "authorization": token.authorization,
            // A cache on the way would pass off an old list as a new one.
            "cache-control": "no-cache",
            "user-agent": configuration.userAgent,
        ]
        if let condition = validator?.condition {
            request.headers.add(name: condition.name, value: condition.value)
        }
        let response = try await connections.execute(request)
        let facts = ResponseFacts(response.headers, status: Int(response.status.code))
        if response.status == .notModified, validator != nil {
            // There is no body; to read to its end is what frees the connection for the next poll.
            for try await _ in response.body {}
            return Answer(body: nil, facts: facts)
        }
        do {
            guard response.status == .ok else {
                // The words of an error are a courtesy: those that cannot be read soon are not waited for.
                let (bytes, isWhole) = await response.beginning(upTo: 64 << 10, within: .seconds(1))
                try Task.checkCancellation()
                throw APIError(
                    status: Int(response.status.code), body: ErrorBody(bytes, isWhole: isWhole, token: token),
                    isMitigated: facts.isMitigated)
            }
            let body = try await response.bytes(upTo: configuration.maxResponseBytes - before) { bytes in
                try await share.room(beyond: before + bytes) - before
            }
            return Answer(body: body, facts: facts)
        } catch is HTTPClientResponse.TooLarge {
            throw APIError(.tooLarge, "the answer is larger than \(configuration.maxResponseBytes) bytes")
                .answered(facts)
        } catch let error as APIError {
            throw error.answered(facts)
        }
    }
}
