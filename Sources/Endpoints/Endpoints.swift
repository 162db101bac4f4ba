import Basics
import Exposition
public import HTTPServer
public import Monitoring

/// Routes requests to the metrics, the status page and the management endpoints.
public final class Endpoints: Sendable {
    /// The settings of the endpoints.
    public struct Configuration: Sendable {
        /// The path of the metrics.
        public var telemetryPath: String
        /// The maximum number of concurrent scrapes; 0 disables the limit.
        ///
        /// A scrape counts until its last byte is sent, or until its client takes nothing for a second.
        public var maximumScrapes: Int
        /// Whether the metrics include those of the exporter itself.
        public var includesExporter: Bool
        /// The address of the runbooks, for links to them; `nil` for the exporter's own.
        public var runbooks: String?

        /// The settings that are used without flags, unless given.
        public init(
            telemetryPath: String = "/metrics", maximumScrapes: Int = 40, includesExporter: Bool = true,
            runbooks: String? = nil
        ) {
            (self.telemetryPath, self.maximumScrapes) = (telemetryPath, maximumScrapes)
            (self.includesExporter, self.runbooks) = (includesExporter, runbooks)
        }
    }

    /// Reads the configuration again, and returns the problems that prevent its use, one a line.
    public typealias Reload = @Sendable () async -> [String]

    private let configuration: Configuration
    private let monitor: Monitor
    private let exporter: ExporterStatus
    private let reload: Reload?
    private let page: MetricsPage
    private let time: any TimeSource
    private let scrapes: ConcurrencyLimit
    private let statusPages = ConcurrencyLimit(Endpoints.maximumStatusPages)
    private let negotiation = LastNegotiation()

    /// The maximum number of status pages rendered or waiting at the same time, so that scrapes are not held up.
    static let maximumStatusPages = 4

    /// Creates the endpoints of a monitor.
    ///
    /// - Parameter reload: the action of `POST /-/reload`; without it there is no such path.
    public init(
        _ configuration: Configuration, monitor: Monitor, exporter: ExporterStatus, time: any TimeSource,
        reload: Reload? = nil
    ) {
        (self.configuration, self.monitor, self.exporter) = (configuration, monitor, exporter)
        (self.time, self.reload) = (time, reload)
        scrapes = ConcurrencyLimit(configuration.maximumScrapes == 0 ? .max : configuration.maximumScrapes)
        page = MetricsPage(snapshot: { monitor.snapshot }, time: time)
    }

    /// Renders the changes of a poll. To be called after each poll.
    ///
    /// - Returns: Whether this call has made a page, and not one that covers several polls.
    @discardableResult
    public func pollEnded() async -> Bool {
        await page.refresh()
    }

    /// Returns the metrics page as a client without an `Accept` field gets it.
    public func metrics() async -> [UInt8] {
        switch metrics(Request(target: configuration.telemetryPath)) {
        case .now(let response): response.body.bytes
        case .later(let respond): await respond().body.bytes
        case .afterBody, .raw: []
        }
    }

    /// Answers a request.
    public func handle(_ request: Request) -> Reply {
        guard let (name, answer) = find(request.path) else {
            let text = "Not found: \(request.shownPath). The metrics are at \(configuration.telemetryPath).\n"
            return .now(counted("other", .plain(404, text)))
        }
        let methods = name == "reload" ? ["POST", "PUT"] : ["GET", "HEAD"]
        guard methods.contains(request.method) else {
            let text = "Only \(methods.joined(separator: " and ")) are allowed here.\n"
            return .now(counted(name, .plain(405, text, headers: ["Allow": methods.joined(separator: ", ")])))
        }
        guard !request.awaitsBody else { return .afterBody }
        switch answer(request) {
        case .now(let response): return .now(counted(name, response))
        case .later(let respond): return .later { await self.counted(name, respond()) }
        case let other: return other
        }
    }

    private typealias Answer = (Request) -> Reply

    private func find(_ path: String) -> (name: String, answer: Answer)? {
        switch path {
        case configuration.telemetryPath: ("metrics", metrics)
        case "/": ("status", status)
        // The first request renders the runbooks, which must not hold up an event loop.
        case "/runbooks": ("runbooks", { _ in .later { RunbooksPage.page.response } })
        case "/-/healthy": ("healthy", { _ in .now(.plain(200, "The exporter is healthy.\n")) })
        case "/-/ready" where monitor.isReady: ("ready", { _ in .now(.plain(200, "The exporter is ready.\n")) })
        case "/-/ready": ("ready", { _ in .now(.plain(503, "The first poll has not ended yet.\n")) })
        case "/-/reload": reload.map { ("reload", reloading($0)) }
        default: nil
        }
    }

    private func counted(_ name: String, _ response: Response) -> Response {
        exporter.count(handler: name, code: response.status)
        return response
    }

    private func metrics(_ request: Request) -> Reply {
        guard let place = scrapes.take() else {
            return .now(.busy("\(configuration.maximumScrapes) scrapes are under way already; try again later.\n"))
        }
        let choice = negotiation.choice(
            accept: request.headers["Accept"], acceptEncoding: request.headers["Accept-Encoding"])
        let form = MetricsPage.Form(format: choice.format, gzip: choice.gzip)
        if let cached = page.cached(form) { return .now(scrape(cached, choice, place)) }
        return .later { self.scrape(await self.page.rendered(form), choice, place) }
    }

    /// Joins the cached part and the part that is rendered for each scrape.
    private func scrape(
        _ cached: MetricsPage.Rendered, _ choice: Negotiation, _ place: ConcurrencyLimit.Place
    ) -> Response {
        let tail = exporter.page(choice.format, includingExporter: configuration.includesExporter)
        var response = Response(
            status: 200,
            headers: [
                "Content-Type": choice.format.contentType(escaping: choice.escaping),
                "Vary": "Accept, Accept-Encoding",
                "X-Content-Type-Options": "nosniff",
            ])
        if let trailer = cached.trailer {
            response.headers.add("Content-Encoding", "gzip")
            response.body = cached.body + Body(trailer.completion(storing: tail))
        } else {
            response.body = cached.body + Body(tail)
        }
        response.onStall = place.release
        response.onEnd = place.release
        return response
    }

    private func reloading(_ reload: @escaping Reload) -> Answer {
        { request in
            // A page of another site could make its visitor's browser ask.
            guard !request.isFromAnotherSite else { return .now(.plain(403, "No requests from other sites.\n")) }
            return .later {
                let problems = await reload()
                guard !problems.isEmpty else { return .plain(200, "Configuration reloaded.\n") }
                let text = "Configuration reload failed; keeping the previous configuration.\n"
                return .plain(500, text + problems.map { "\($0)\n" }.joined())
            }
        }
    }

    private func status(_ request: Request) -> Reply {
        guard let place = statusPages.take() else {
            return .now(.busy("Too many requests for this page at once; try again in a moment.\n"))
        }
        // An account may be large, and rendering it must not hold up an event loop.
        return .later { [self] in
            defer { place.release() }
            return StatusPage(
                accounts: monitor.snapshot.accounts, exporter: exporter.current, now: time.now,
                metricsPath: configuration.telemetryPath, runbooks: configuration.runbooks ?? RunbooksPage.link,
                query: StatusQuery(request)
            ).page.response
        }
    }
}

extension Request {
    /// The path for a message, at most 100 bytes of it, with all that could be markup percent-encoded.
    fileprivate var shownPath: String {
        let shown = String.percentEncoding(path.utf8.prefix(100)) { byte, _ in
            String.isUnreserved(byte) || "/%:@+,;=".utf8.contains(byte)
        }
        return path.utf8.count > 100 ? shown + "…" : shown
    }
}

extension Response {
    fileprivate static func busy(_ text: String) -> Response { plain(503, text, headers: ["Retry-After": "1"]) }
}
