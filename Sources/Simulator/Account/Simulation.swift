public import HTTPServer

/// What was asked for so far.
public struct RequestLog: Sendable {
    /// How many requests for the list have arrived, whatever became of them.
    public internal(set) var count = 0
    /// The latest of them.
    public internal(set) var last: Request?
}

/// Everything that changes while the simulator runs. Takes the time since its start as an argument.
struct Simulation: Sendable {
    /// One answer among those that are kept until the account changes.
    struct Page: Hashable {
        let query: ListQuery
        /// The address of the list, where the answer contains it.
        let url: String?
    }

    private(set) var account: SimulatedAccount
    private(set) var log = RequestLog()
    private(set) var fault: Fault?
    private var rate: RequestRate
    private var rendered: [Page: RenderedList] = [:]
    /// Counts the changes of the account, so that an answer rendered meanwhile is not kept.
    private var version = 0
    private let token: String
    private let form: ListForm
    private let entityTags: Bool
    /// Simulated seconds in a second.
    private let pace: Double

    init(
        account: SimulatedAccount, token: String, form: ListForm, entityTags: Bool, pace: Double, rate: RequestRate,
        fault: Fault?
    ) {
        self.account = account
        self.token = token
        self.form = form
        self.entityTags = entityTags
        self.pace = pace
        self.rate = rate
        self.fault = fault
    }

    // MARK: The list

    /// What becomes of a request for the list.
    enum Verdict {
        case fault(Fault)
        case refused(Response)
        case page(Page, RequestRate.Verdict)
    }

    /// Counts a request for the list and decides on it. A fault comes before everything else.
    mutating func decide(_ request: Request, now: Duration, unixTime: Int) -> Verdict {
        log.count += 1
        log.last = request
        if let fault = takeFault() {
            return .fault(fault)
        }
        let admission = Admission(request, token: token, unixTime: unixTime) { rate.count(at: now) }
        switch admission {
        case .refused(let response): return .refused(response)
        case .granted(let rate, let query):
            guard case .paged = form else { return .page(Page(query: query, url: nil), rate) }
            let url = "http://\(request.headers["Host"] ?? "localhost")\(request.path)"
            return .page(Page(query: query, url: url), rate)
        }
    }

    private mutating func takeFault() -> Fault? {
        guard let current = fault else { return nil }
        if let count = current.count {
            fault = count > 1 ? current.counting(count - 1) : nil
        }
        return current
    }

    /// The answer, if it is at hand and the account has not changed since.
    func list(_ page: Page, now: Duration) -> RenderedList? {
        account.isDue(at: simulated(now)) ? nil : rendered[page]
    }

    /// A copy of what an answer is made of, to render it elsewhere.
    struct Snapshot: Sendable {
        let account: SimulatedAccount
        let form: ListForm
        let entityTags: Bool
        fileprivate let version: Int

        func render(_ page: Page) -> RenderedList {
            let instances = account.instances
            let matching = page.query.filters.isEmpty ? instances : instances.filter(page.query.matches)
            return RenderedList(
                form.render(matching, query: page.query, url: page.url ?? ""), tagged: entityTags)
        }
    }

    mutating func snapshot(now: Duration) -> Snapshot {
        advance(to: now)
        return Snapshot(account: account, form: form, entityTags: entityTags, version: version)
    }

    /// Keeps an answer, unless the account has changed since the snapshot it was made from.
    mutating func keep(_ list: RenderedList, of page: Page, from snapshot: Snapshot) {
        guard snapshot.version == version else { return }
        // Filters come from clients: their number must not be theirs to choose.
        if rendered.count >= 32 { rendered.removeAll() }
        rendered[page] = list
    }

    /// Whole seconds only, so that a large account changes, and is rendered, once a second at most.
    private func simulated(_ now: Duration) -> Duration {
        .seconds((now * pace).components.seconds)
    }

    mutating func advance(to now: Duration) {
        if account.advance(to: simulated(now)) { changed() }
    }

    private mutating func changed() {
        version += 1
        rendered.removeAll()
    }

    // MARK: Control

    mutating func setFault(_ fault: Fault?) {
        self.fault = fault
    }

    /// Changes the account as it is now.
    mutating func update<Result>(now: Duration, _ change: (inout SimulatedAccount) -> Result) -> Result {
        advance(to: now)
        changed()
        return change(&account)
    }

    /// Does what a control request asks.
    mutating func perform(_ request: ControlRequest, now: Duration) -> Response {
        switch request {
        case .readFault: break
        case .setFault(let fault): setFault(fault)
        case .readRequestCount: return .json("{\"list_requests\":\(log.count)}")
        case .addInstances(let added):
            guard added <= SimulatorServer.maximumInstances - account.count else {
                return .message(400, "That would be over \(SimulatorServer.maximumInstances) instances.")
            }
            update(now: now) { $0.add(added) }
            return .json("{\"instances\":\(account.count)}")
        case .setStatus(let status, let reference, let hold):
            guard let index = index(of: reference) else { return noSuchInstance }
            update(now: now) { $0.setStatus(status, at: index, hold: hold) }
            var bytes: [UInt8] = []
            ListForm.append(account[index], to: &bytes)
            return .json(String(decoding: bytes, as: UTF8.self))
        case .removeInstance(let reference):
            guard let index = index(of: reference) else { return noSuchInstance }
            update(now: now) { $0.remove(at: index) }
            return .json("{\"instances\":\(account.count)}")
        }
        return .json("{\"fault\":\(fault.map { JSONText.quoted($0.description) } ?? "null")}")
    }

    private func index(of reference: ControlRequest.Reference) -> Int? {
        switch reference {
        case .place(let place): (0..<account.count).contains(place) ? place : nil
        case .id(let id): account.index(ofID: id)
        }
    }

    private var noSuchInstance: Response {
        .message(404, "No such instance. Allowed: an id, or a place in the list from 0 to \(account.count - 1).")
    }
}
