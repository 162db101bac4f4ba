public import HTTPServer

/// The requests for the list since the start.
public struct RequestLog: Sendable {
    /// The number of requests, whatever the answer was.
    public internal(set) var count = 0
    /// The latest request.
    public internal(set) var last: Request?
}

/// The state of a running simulator. A pure value: the time since the start is an argument.
struct Simulation: Sendable {
    private(set) var account: SimulatedAccount
    private(set) var log = RequestLog()
    var fault: Fault?
    /// The number of changes of the account, which tells whether a rendered list is outdated.
    private(set) var version = 0
    private var limiter: RateLimiter
    private let token: String
    /// Simulated seconds in a second.
    private let pace: Double

    init(_ configuration: SimulatorConfiguration, token: String) {
        account = SimulatedAccount(instances: configuration.instances, seed: configuration.seed)
        fault = configuration.fault
        limiter = RateLimiter(limit: configuration.rateLimit ?? 1000, isEnforced: configuration.rateLimit != nil)
        pace = configuration.changes ? configuration.pace : 0
        self.token = token
    }

    /// The decision on a request for the list.
    enum Decision {
        case fault(Fault)
        case list(ListQuery, RateLimiter.Decision)
    }

    /// Counts a request for the list and decides on it. A fault comes before everything else.
    ///
    /// - Parameter unixTime: now, in seconds, for `X-RateLimit-Reset`.
    mutating func decide(_ request: Request, now: Duration, unixTime: Int) throws(RefusedRequest) -> Decision {
        log.count += 1
        log.last = request
        if let fault = takeFault() { return .fault(fault) }
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

    private mutating func takeFault() -> Fault? {
        guard let current = fault else { return nil }
        if let count = current.count {
            fault = count > 1 ? current.counting(count - 1) : nil
        }
        return current
    }

    /// Returns the token of a bearer authorisation (RFC 6750, section 2.1).
    private static func bearerToken(_ request: Request) -> String? {
        guard let value = request.headers["Authorization"], let space = value.firstIndex(of: " "),
            value[..<space].lowercased() == "bearer"
        else { return nil }
        return String(value[space...].drop { $0 == " " })
    }

    /// Applies the changes due by now. Only whole seconds count: a large account is rendered once a second at most.
    mutating func advance(to now: Duration) {
        if account.advance(to: .seconds((now * pace).components.seconds)) { version += 1 }
    }

    /// Changes the present account.
    mutating func update<Result>(now: Duration, _ change: (inout SimulatedAccount) -> Result) -> Result {
        advance(to: now)
        version += 1
        return change(&account)
    }

    /// Carries out a control request.
    mutating func perform(_ request: SimulatorRequest, now: Duration) throws(RefusedRequest) -> Response {
        switch request {
        case .list, .loginPage, .help, .faultKinds, .readFault: break
        case .setFault(let fault): self.fault = fault
        case .readRequestCount: return .json("{\"list_requests\":\(log.count)}")
        case .addInstances(let added):
            guard added <= SimulatorConfiguration.maximumInstances - account.count else {
                throw RefusedRequest("That would be over \(SimulatorConfiguration.maximumInstances) instances.")
            }
            update(now: now) { $0.add(added) }
            return .json("{\"instances\":\(account.count)}")
        case .setStatus(let status, let reference, let hold):
            let index = try index(of: reference)
            update(now: now) { $0.setStatus(status, at: index, hold: hold) }
            var bytes: [UInt8] = []
            ListForm.append(account[index], to: &bytes)
            return .json(String(decoding: bytes, as: UTF8.self))
        case .removeInstance(let reference):
            let index = try index(of: reference)
            update(now: now) { $0.remove(at: index) }
            return .json("{\"instances\":\(account.count)}")
        }
        return .json("{\"fault\":\(fault.map { JSONText.quoted($0.description) } ?? "null")}")
    }

    private func index(of reference: SimulatorRequest.InstanceReference) throws(RefusedRequest) -> Int {
        let found: Int? =
            switch reference {
            case .index(let index): (0..<account.count).contains(index) ? index : nil
            case .id(let id): account.index(ofID: id)
            }
        if let found { return found }
        throw RefusedRequest(
            status: 404, "No such instance. Allowed: an id, or an index in the list from 0 to \(account.count - 1).")
    }
}
