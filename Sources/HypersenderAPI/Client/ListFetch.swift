import AsyncHTTPClient
import Basics
import NIOCore
import NIOHTTP1

/// The list that was returned last, so that nothing is fetched or decoded again that has not changed.
struct PreviousList {
    /// The key it was asked for with; another one may see another list.
    let token: Secret
    let read: ReadList
    /// Tells whether the next response is the same; `nil` after several pages, or another size than before.
    let fingerprint: Fingerprint?
    /// The size of the response in bytes, over all its pages.
    let size: Int
    /// The number of its pages.
    let pages: Int
    /// Lets the API recognise it.
    var validator: Validator?
}

/// One attempt at fetching the list, page by page.
struct ListFetch {
    /// The response, and what the next poll needs of it.
    typealias Outcome = (response: ListResponse, read: PreviousList?)

    private let configuration: APIConfiguration
    private let connections: ConnectionPool
    private let token: Secret
    private let share: ResponseBudget.Share
    private var previous: PreviousList?
    private var walk: PageWalk
    private var decoder: InstanceListDecoder

    init(
        _ configuration: APIConfiguration, _ connections: ConnectionPool, _ token: Secret,
        _ share: ResponseBudget.Share, previous: PreviousList?
    ) {
        (self.configuration, self.connections, self.token) = (configuration, connections, token)
        (self.share, self.previous) = (share, previous)
        walk = PageWalk(configuration.baseURL, configuration.filter)
        decoder = InstanceListDecoder(phone: configuration.phone.keep(token), previous: previous?.read)
    }

    /// The number of pages that were read.
    var pages: Int { walk.pages }

    /// Fetches all pages.
    ///
    /// - Throws: `APIError`, or an error of the layers below.
    mutating func run() async throws -> Outcome {
        var age = 0.0
        var validator = previous?.validator
        // A second page that an unchanged first page has announced.
        var announced: String?
        while true {
            let (body, fetched) = try await fetch(unless: validator)
            validator = nil
            var facts = fetched
            facts.nextLink = facts.nextLink ?? announced.take()
            age = max(age, facts.age)
            guard let body else {
                guard facts.nextLink == nil else {
                    // The page has not changed, but the list has grown by another.
                    announced = facts.nextLink
                    continue
                }
                return (.unchanged(facts.rateLimit, age: age), previous)
            }
            do {
                // The first page of several being the same says nothing of the others. A list of another size has
                // changed, and may well change again.
                let isSameSize = previous.map { $0.size == body.count } ?? true
                let fingerprint = walk.pages == 0 && isSameSize ? Fingerprint(body[...]) : nil
                if let fingerprint, fingerprint == previous?.fingerprint, facts.nextLink == nil {
                    previous?.validator = facts.validator
                    return (.unchanged(facts.rateLimit, age: age), previous)
                }
                guard try advance(body, nextLink: facts.nextLink) else {
                    var list = decoder.list
                    (list.rateLimit, list.age) = (facts.rateLimit, age)
                    let read = PreviousList(
                        token: token, read: decoder.readList, fingerprint: fingerprint, size: list.bytes,
                        pages: walk.pages,
                        validator: walk.pages == 1 ? facts.validator : nil)
                    return (.list(list), read)
                }
            } catch {
                throw error.adding(facts)
            }
        }
    }

    /// Decodes a page, and proceeds to the next.
    ///
    /// - Returns: Whether there is one.
    private mutating func advance(_ body: [UInt8], nextLink: String?) throws(APIError) -> Bool {
        var signs: PageSigns
        do {
            signs = try decoder.decode(page: body)
        } catch {
            throw APIError(notAList: error, body: ErrorBody(body, isWhole: true, token: token))
        }
        if let nextLink { signs.links.append(nextLink) }
        return try walk.advance(signs, found: decoder.elements)
    }

    /// Fetches one page.
    ///
    /// - Returns: The body, or `nil` if it has not changed.
    /// - Throws: `APIError` for any status but 200, and 304 if a validator is given.
    private func fetch(unless validator: Validator?) async throws -> (body: [UInt8]?, facts: ResponseFacts) {
        var headers: HTTPHeaders = [
            "accept": "application/json",
            "accept-encoding": "gzip",
            "authorization": token.authorization,
            // A cache on the way would pass off an old list as a new one.
            "cache-control": "no-cache",
            "user-agent": configuration.userAgent,
        ]
        if let validator { headers.add(name: validator.field, value: validator.value) }
        return try await connections.get(walk.target, from: configuration.baseURL.origin, headers) { response in
            var facts = ResponseFacts(response.headers, status: Int(response.status.code))
            // Whatever the server gives back is logged without the key.
            facts.requestID = facts.requestID.map(token.redacted)
            do {
                if response.status == .notModified, validator != nil {
                    // There is no body, but reading to its end frees the connection for the next poll.
                    for try await _ in response.body {}
                    return (nil, facts)
                }
                return (try await read(response, facts), facts)
            } catch is HTTPClientResponse.TooLarge {
                let limit = configuration.maximumResponseBytes
                throw APIError(.tooLarge, "the answer is larger than \(limit) bytes").adding(facts)
            } catch let error as APIError {
                throw error.adding(facts)
            }
        }
    }

    private func read(_ response: HTTPClientResponse, _ facts: ResponseFacts) async throws -> [UInt8] {
        guard response.status == .ok else {
            // The words of an error are a courtesy: they are not waited for.
            let (bytes, isWhole) = await response.prefix(upTo: 64 << 10, within: .seconds(1))
            try Task.checkCancellation()
            throw APIError(
                status: Int(response.status.code), body: ErrorBody(bytes, isWhole: isWhole, token: token),
                isMitigated: facts.isMitigated)
        }
        let before = decoder.list.bytes
        let limit = configuration.maximumResponseBytes - before
        let expected = previous.map { $0.pages == 1 ? $0.size : 0 } ?? 0
        return try await response.bytes(upTo: limit, expecting: expected) { bytes in
            try await share.room(beyond: before + bytes) - before
        }
    }
}
