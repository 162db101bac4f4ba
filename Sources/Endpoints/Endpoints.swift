import Exposition
public import HTTPServer
public import Monitoring
import Synchronization

/// Decides who gets what: the metrics, the status page, health, and an answer to everybody else.
public final class Endpoints: Sendable {
    /// What the user can choose.
    public struct Configuration: Sendable, Equatable {
        /// Where the metrics are.
        public var telemetryPath: String
        /// Scrapes answered at the same time; 0 is no limit. One counts until its last byte is sent, or until its
        /// client takes nothing for a second: from then on it costs no more than its connection.
        public var maxRequests: Int
        /// Whether the metrics say something of the exporter itself.
        public var includesExporter: Bool
        /// The address of the page that says what to do about trouble, for links to it; nil for the exporter's own.
        public var runbooks: String?

        public init(
            telemetryPath: String = "/metrics", maxRequests: Int = 40, includesExporter: Bool = true,
            runbooks: String? = nil
        ) {
            self.telemetryPath = telemetryPath
            self.maxRequests = maxRequests
            self.includesExporter = includesExporter
            self.runbooks = runbooks
        }
    }

    private let configuration: Configuration
    private let monitor: Monitor
    private let exporter: ExporterStatus
    private let reload: Reload?
    private let page: MetricsPage
    private let time: any TimeSource
    private let scrapes = Turn.Counter()
    private let renderings = Turn.Counter()
    private let negotiations = KnownNegotiations()

    /// Reads the configuration again, and gives every mistake in it, one a line; none where it is in use now.
    public typealias Reload = @Sendable () async -> [String]

    /// Brings together what is served.
    ///
    /// - Parameter reload: what `POST /-/reload` does; where it is nil there is no such path.
    public init(
        _ configuration: Configuration, monitor: Monitor, exporter: ExporterStatus, time: any TimeSource,
        reload: Reload? = nil
    ) {
        self.configuration = configuration
        self.monitor = monitor
        self.exporter = exporter
        self.time = time
        self.reload = reload
        page = MetricsPage(snapshot: { monitor.snapshot }, time: time)
    }

    /// Renders what a poll has changed. To be called after each poll.
    public func pollEnded() async {
        await page.refresh()
    }

    /// Returns the refusal of a request for what is not there, or by a method that is not allowed; nil for others.
    public func refusal(of request: Request) -> Response? {
        guard case .refused(let name, let response) = route(request) else { return nil }
        return counted(name, response)
    }

    /// Answers a request.
    public func handle(_ request: Request) -> Reply {
        switch route(request) {
        case .refused(let name, let response):
            return .now(counted(name, response))
        case .found(let name, let answer):
            switch answer(request) {
            case .now(let response): return .now(counted(name, response))
            case .later(let respond): return .later { await self.counted(name, respond()) }
            }
        }
    }

    private typealias Answer = (Request) -> Reply

    private enum Route {
        case found(name: String, Answer)
        case refused(name: String, Response)
    }

    private func route(_ request: Request) -> Route {
        guard let (name, answer) = find(request.path) else {
            return .refused(
                name: "other", plain(404, "Not found. The metrics are at \(configuration.telemetryPath).\n"))
        }
        let methods = name == "reload" ? ["POST", "PUT"] : ["GET", "HEAD"]
        guard methods.contains(request.method) else {
            var refused = plain(405, "Only \(methods.joined(separator: " and ")) are allowed here.\n")
            refused.headers.set("Allow", methods.joined(separator: ", "))
            return .refused(name: name, refused)
        }
        return .found(name: name, answer)
    }

    private func find(_ path: String) -> (name: String, answer: Answer)? {
        switch path {
        case configuration.telemetryPath: ("metrics", metrics)
        case "/": ("status", status)
        case "/runbooks": ("runbooks", runbooks)
        case "/-/healthy": ("healthy", { _ in .now(self.plain(200, "The exporter is healthy.\n")) })
        case "/-/ready": ("ready", ready)
        case "/-/reload": reload.map { ("reload", reloading($0)) }
        default: nil
        }
    }

    private func counted(_ name: String, _ response: Response) -> Response {
        exporter.count(handler: name, code: response.status)
        return response
    }

    private func plain(_ status: Int, _ text: String) -> Response {
        Response(
            status: status,
            headers: ["Content-Type": "text/plain; charset=utf-8", "X-Content-Type-Options": "nosniff"],
            body: Body(text))
    }

    // MARK: Metrics

    private func metrics(_ request: Request) -> Reply {
        let limit = configuration.maxRequests == 0 ? .max : configuration.maxRequests
        guard let turn = Turn(of: limit, taken: scrapes) else {
            var refused = plain(503, "\(configuration.maxRequests) scrapes are under way already: try again later.\n")
            refused.headers.set("Retry-After", "1")
            return .now(refused)
        }
        let choice = negotiations.choice(
            accept: request.headers["Accept"], acceptEncoding: request.headers["Accept-Encoding"])
        let form = MetricsPage.Form(format: choice.format, gzip: choice.gzip)
        if let cached = page.cached(form) {
            return .now(scrape(cached, choice, turn))
        }
        return .later { [page] in
            self.scrape(await page.rendered(form), choice, turn)
        }
    }

    /// The cached part, and what is rendered anew for each scrape.
    private func scrape(_ cached: MetricsPage.Rendered, _ choice: Negotiation, _ turn: Turn) -> Response {
        let tail = exporter.page(choice.format, includingExporter: configuration.includesExporter)
        var response = Response(
            status: 200,
            headers: [
                "Content-Type": choice.format.contentType(escaping: choice.escaping),
                "Vary": "Accept, Accept-Encoding",
                "X-Content-Type-Options": "nosniff",
            ])
        if let ending = cached.ending {
            response.headers.add("Content-Encoding", "gzip")
            response.body = cached.body + Body(ending.completion(storing: tail))
        } else {
            response.body = cached.body + Body(tail)
        }
        response.onStall = turn.end
        response.onEnd = turn.end
        return response
    }

    // MARK: The others

    private func reloading(_ reload: @escaping Reload) -> Answer {
        { request in
            // A page of another site could make its visitor's browser ask.
            guard !request.isFromAnotherSite else {
                return .now(self.plain(403, "Not from another site.\n"))
            }
            return .later {
                let problems = await reload()
                return problems.isEmpty
                    ? self.plain(200, "The configuration has been read again.\n")
                    : self.plain(
                        500,
                        "The configuration cannot be used; the one before stays in use.\n"
                            + problems.map { "\($0)\n" }.joined())
            }
        }
    }

    private func ready(_ request: Request) -> Reply {
        .now(
            monitor.isReady
                ? plain(200, "The exporter is ready.\n") : plain(503, "The first poll has not ended yet.\n"))
    }

    private func status(_ request: Request) -> Reply {
        guard let turn = Turn(of: Self.mostRenderings, taken: renderings) else {
            var refused = plain(503, "Many are asking for this page: try again in a moment.\n")
            refused.headers.set("Retry-After", "1")
            return .now(refused)
        }
        // An account may be large, and rendering it must not hold up an event loop.
        return .later { [self] in
            defer { turn.end() }
            let nonce = UInt64.random(in: .min ... .max)
            let page = StatusPage(
                monitor.snapshot, exporter: exporter.current, now: time.now, metricsPath: configuration.telemetryPath,
                runbooks: configuration.runbooks ?? RunbooksPage.link, query: StatusQuery(request), nonce: nonce)
            return Self.html(Body(page.bytes), nonce: nonce)
        }
    }

    private func runbooks(_ request: Request) -> Reply {
        // The first request renders the page, which must not hold up an event loop.
        .later {
            let nonce = UInt64.random(in: .min ... .max)
            return Self.html(RunbooksPage.body(nonce: nonce), nonce: nonce)
        }
    }

    /// Returns a page in which a browser allows nothing from elsewhere, no scripts, and only styles with this nonce.
    private static func html(_ body: Body, nonce: UInt64) -> Response {
        Response(
            status: 200,
            headers: [
                "Content-Type": "text/html; charset=utf-8",
                "Content-Security-Policy":
                    "default-src 'none'; style-src 'nonce-\(nonce)'; img-src data:; base-uri 'none'; form-action 'self'; "
                    + "frame-ancestors 'none'",
                "Cache-Control": "no-store",
                "Referrer-Policy": "no-referrer",
                "X-Content-Type-Options": "nosniff",
                "X-Frame-Options": "DENY",
            ],
            body: body)
    }

    /// Status pages made or waited for at the same time; 503 beyond, so that they cannot take the machine from the scrapes.
    static let mostRenderings = 4
}

/// What was last chosen for the fields of a scrape: a scraper sends the same ones each time.
private final class KnownNegotiations: Sendable {
    private struct Fields: Hashable {
        var accept: String?
        var acceptEncoding: String?
    }

    private let known = Mutex<[Fields: Negotiation]>([:])

    /// There are few kinds of scrapers; whoever makes up more only makes the others be read again.
    private static let most = 16
    /// Longer fields are not kept.
    private static let longest = 1024

    func choice(accept: String?, acceptEncoding: String?) -> Negotiation {
        let fields = Fields(accept: accept, acceptEncoding: acceptEncoding)
        if let choice = known.withLock({ $0[fields] }) {
            return choice
        }
        let choice = Negotiation(accept: accept, acceptEncoding: acceptEncoding)
        if (accept?.utf8.count ?? 0) + (acceptEncoding?.utf8.count ?? 0) <= Self.longest {
            known.withLock { known in
                if known.count >= Self.most {
                    known = [:]
                }
                known[fields] = choice
            }
        }
        return choice
    }
}

/// One of a limited number of turns, given back once: by the first `end`, or when nobody is left who could call that.
private final class Turn: Sendable {
    private let taken: Counter
    private let isOver = Atomic(false)

    /// Shared by all turns of a kind.
    final class Counter: Sendable {
        fileprivate let count = Atomic(0)
    }

    /// Nil where all turns are taken.
    init?(of most: Int, taken: Counter) {
        self.taken = taken
        guard taken.count.add(1, ordering: .relaxed).newValue <= most else {
            taken.count.subtract(1, ordering: .relaxed)
            isOver.store(true, ordering: .relaxed)
            return nil
        }
    }

    func end() {
        if !isOver.exchange(true, ordering: .relaxed) {
            taken.count.subtract(1, ordering: .relaxed)
        }
    }

    deinit {
        end()
    }
}
