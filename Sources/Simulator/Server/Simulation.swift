import HTTPServer

/// The state of a running simulator. A pure value: the time is an argument.
struct Simulation: Sendable {
    /// The time since the start.
    private var now = Duration.zero
    /// The number of requests for the list since the start, whatever the answer was.
    private(set) var requestCount = 0
    private(set) var lastRequest: Request?
    var account: SimulatedAccount
    var fault: Fault?
    private var limiter: RateLimiter
    private let configuration: SimulatorConfiguration
    private let token: String

    init(_ configuration: SimulatorConfiguration, token: String) {
        account = SimulatedAccount(instances: configuration.instances, seed: configuration.seed)
        fault = configuration.fault
        limiter = RateLimiter(limit: configuration.rateLimit ?? 1000, isEnforced: configuration.rateLimit != nil)
        self.configuration = configuration
        self.token = token
    }

    /// Applies the changes due by now.
    mutating func advance(to now: Duration) {
        self.now = now
        if configuration.changes { account.advance(to: now * configuration.pace) }
    }

    /// Answers a request.
    ///
    /// - Parameter unixTime: now, in seconds, for `X-RateLimit-Reset`.
    mutating func reply(to request: Request, unixTime: Int) throws(RefusedRequest) -> Reply {
        switch try SimulatorRequest(request) {
        case .list: return list(request, try decide(request, unixTime: unixTime))
        case .loginPage: return .now(.loginPage)
        case .help: return .now(.plain(200, SimulatorRequest.controls + "\n"))
        case .faultKinds: return .now(.plain(200, Fault.help + "\n"))
        case .readRequestCount: return .now(.json("{\"list_requests\":\(requestCount)}"))
        case .readFault: break
        case .setFault(let fault): self.fault = fault
        case .addInstances(let added):
            guard added <= SimulatorConfiguration.maximumInstances - account.count else {
                throw RefusedRequest("That would be over \(SimulatorConfiguration.maximumInstances) instances.")
            }
            account.add(added)
            return .now(.json("{\"instances\":\(account.count)}"))
        case .setStatus(let status, let instance, let hold):
            let index = try index(of: instance)
            account.setStatus(status, at: index, hold: hold)
            return .now(.json(account[index].json))
        case .removeInstance(let instance):
            account.remove(at: try index(of: instance))
            return .now(.json("{\"instances\":\(account.count)}"))
        }
        return .now(.json("{\"fault\":\(fault.map { JSONText.quoted($0.description) } ?? "null")}"))
    }

    /// The decision on a request for the list.
    enum Decision {
        case fault(Fault)
        case list(ListQuery, RateLimiter.Decision)
    }

    /// Counts a request for the list and decides on it. A fault comes before everything else.
    mutating func decide(_ request: Request, unixTime: Int) throws(RefusedRequest) -> Decision {
        requestCount += 1
        lastRequest = request
        if let current = fault {
            if let count = current.count { fault?.count = count - 1 }
            if current.count == 1 { fault = nil }
            return .fault(current)
        }
        // The order of the framework: who asks, how often, what for.
        guard Self.bearerToken(request) == token else { throw RefusedRequest(unauthenticated: request) }
        let rate = limiter.count(at: now)
        if let seconds = rate.retryAfter {
            var headers = rate.headers
            headers.add("Retry-After", "\(seconds)")
            headers.add("X-RateLimit-Reset", "\(unixTime + seconds)")
            throw RefusedRequest(status: 429, "Too Many Attempts.", headers: headers)
        }
        do {
            return .list(try ListQuery(request.queryItems()), rate)
        } catch {
            throw RefusedRequest(error.message, headers: rate.headers)
        }
    }

    private func list(_ request: Request, _ decision: Decision) -> Reply {
        switch decision {
        case .fault(let fault): fault.kind.reply(fault, ListForm.array(account.instances))
        // The account may be large.
        case .list(let query, let rate): .later { response(to: request, query, rate) }
        }
    }

    private func response(to request: Request, _ query: ListQuery, _ rate: RateLimiter.Decision) -> Response {
        let body = configuration.form.render(
            account.instances.filter(query.matches), query: query,
            url: "http://\(request.headers["Host"] ?? "localhost")\(request.path)")
        var headers = rate.headers
        headers.add("Cache-Control", "no-cache, private")
        if configuration.entityTags {
            let tag = "\"\(String(UInt(bitPattern: body.hashValue), radix: 16))\""
            headers.add("ETag", tag)
            if Self.isKnown(tag, to: request) { return Response(status: 304, headers: headers) }
        }
        headers.add("Content-Type", "application/json")
        return Response(status: 200, headers: headers, body: Body(body))
    }

    /// Whether the request has the list with this entity tag already (RFC 9110, section 13.1.2).
    private static func isKnown(_ entityTag: String, to request: Request) -> Bool {
        guard let condition = request.headers["If-None-Match"] else { return false }
        return condition == "*"
            || condition.split(separator: ",").contains { tag in
                let tag = tag.drop { $0 == " " }
                return (tag.hasPrefix("W/") ? tag.dropFirst(2) : tag) == entityTag
            }
    }

    /// Returns the token of a bearer authorisation (RFC 6750, section 2.1).
    private static func bearerToken(_ request: Request) -> String? {
        guard let value = request.headers["Authorization"], let space = value.firstIndex(of: " "),
            value[..<space].lowercased() == "bearer"
        else { return nil }
        return String(value[space...].drop { $0 == " " })
    }

    /// Returns the index of an instance that is given by its index or its id.
    private func index(of instance: String) throws(RefusedRequest) -> Int {
        let index = Int(instance) ?? account.index(ofID: instance)
        if let index, (0..<account.count).contains(index) { return index }
        throw RefusedRequest(
            status: 404, "No such instance. Allowed: an id, or an index in the list from 0 to \(account.count - 1).")
    }
}
