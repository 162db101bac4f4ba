import Exposition
import Logging
import NIOCore
import Synchronization
import Testing

@testable import Endpoints
@testable import HTTPServer
@testable import HypersenderAPI
@testable import Monitoring

/// The answers to requests.
struct EndpointsTests {
    @Test func servesMetricsInFourForms() async throws {
        let fixture = try await Fixture(polls: [.success(Fixture.list)])
        let text = await fixture.get("/metrics")
        #expect(text.status == 200)
        #expect(text.headers["Content-Type"] == "text/plain; version=0.0.4; charset=utf-8")
        #expect(text.headers["Vary"] == "Accept, Accept-Encoding")
        #expect(text.headers["Content-Encoding"] == nil)
        let page = try fixture.text(text)
        #expect(page.contains("\nhypersender_instances{status=\"WORKING\"} 1\n"))
        #expect(page.contains("\nprocess_start_time_seconds "))

        let openMetrics = await fixture.get("/metrics", ["Accept": "application/openmetrics-text;version=1.0.0"])
        #expect(openMetrics.headers["Content-Type"] == "application/openmetrics-text; version=1.0.0; charset=utf-8")
        #expect(try fixture.text(openMetrics).hasSuffix("\n# EOF\n"))

        for accept in ["", "application/openmetrics-text"] {
            let gzip = await fixture.get("/metrics", ["Accept": accept, "Accept-Encoding": "gzip"])
            #expect(gzip.headers["Content-Encoding"] == "gzip")
            #expect(try fixture.bytes(gzip).starts(with: [0x1F, 0x8B]))
        }
    }

    @Test func showsAPollToTheNextScrapeInEveryForm() async throws {
        let fixture = try await Fixture(polls: [.success(InstanceList()), .success(Fixture.list)])
        for headers in [[:], ["Accept": "application/openmetrics-text"]] as [Headers] {
            #expect(try await fixture.text(fixture.get("/metrics", headers)).contains("{status=\"WORKING\"} 0"))
        }
        try await fixture.poll()
        for headers in [[:], ["Accept": "application/openmetrics-text"]] as [Headers] {
            #expect(try await fixture.text(fixture.get("/metrics", headers)).contains("{status=\"WORKING\"} 1"))
        }
    }

    @Test func withdrawsStaleDataWithoutAPoll() async throws {
        let fixture = try await Fixture(polls: [.success(Fixture.list)])
        #expect(try await fixture.text(fixture.get("/metrics")).contains("hypersender_instance_up"))
        fixture.time.advance(by: .seconds(31))
        let page = try await fixture.text(fixture.get("/metrics"))
        #expect(!page.contains("hypersender_instance_up"))
        #expect(!page.contains("hypersender_instances{"))
        #expect(page.contains("\nhypersender_up 0\n"))
    }

    @Test func hasPollSeriesBeforeTheFirstPoll() async throws {
        let fixture = try await Fixture(polls: [])
        let page = try await fixture.text(fixture.get("/metrics"))
        #expect(page.contains("\nhypersender_up 0\n") && page.contains("\nhypersender_polls_total 0\n"))
        #expect(!page.contains("hypersender_instance"))
    }

    /// An unchanged poll is compressed once, however often it is scraped; only what changes every scrape is made anew.
    @Test func scrapesShareTheRenderedPart() async throws {
        let fixture = try await Fixture(polls: [.success(Fixture.list)])
        let form = MetricsPage.Form(format: .text, gzip: true)
        let renderings = Atomic(0)
        let page = MetricsPage(
            snapshot: {
                renderings.add(1, ordering: .relaxed)
                return fixture.monitor.snapshot
            }, time: fixture.time)
        #expect(page.cached(form) == nil)
        _ = await page.rendered(form)
        for _ in 0..<100 {
            #expect(page.cached(form) != nil)
            _ = await page.rendered(form)
        }
        #expect(renderings.load(ordering: .relaxed) == 1)
    }

    /// Making pages takes a tenth of the time at most, unless that would delay them by more than five seconds.
    @Test(arguments: [(0.25, 2.5), (1, 6)])
    func pagesThatTakeLongAreMadeLessOften(duration: Double, period: Double) async throws {
        let fixture = try await Fixture(polls: [.success(Fixture.list)])
        let starts = Mutex<[Double]>([])
        let page = MetricsPage(
            snapshot: {
                starts.withLock { $0.append(fixture.time.now.uptime.seconds) }
                fixture.time.advance(by: .seconds(duration))
                return fixture.monitor.snapshot
            }, time: fixture.time)
        await withTaskGroup { group in
            for _ in 0..<20 {
                group.addTask { await page.refresh() }
            }
        }
        await page.refresh()
        let times = starts.withLock { $0 }
        #expect(times.count >= 2)
        #expect(zip(times, times.dropFirst()).allSatisfy { $1 - $0 >= period })
    }

    @Test func formsInDemandAreReadyAfterAPoll() async throws {
        let fixture = try await Fixture(polls: [.success(Fixture.list), .success(Fixture.list), .success(Fixture.list)])
        let page = MetricsPage(snapshot: { fixture.monitor.snapshot }, time: fixture.time)
        let usual = MetricsPage.Form(format: .openMetrics, gzip: true)
        let asked = MetricsPage.Form(format: .text, gzip: true)
        func isReady(_ form: MetricsPage.Form) -> Bool {
            page.cache.withLock { $0.rendered(form, at: fixture.time.now.uptime) != nil }
        }
        await page.refresh()
        #expect(isReady(usual), "nobody has asked for anything, and Prometheus will")
        #expect(!isReady(asked))
        _ = await page.rendered(asked)
        await page.refresh()
        #expect(isReady(asked))
        #expect(!isReady(usual))
        fixture.time.advance(by: .seconds(1000))
        await page.refresh()
        #expect(!isReady(asked), "nobody has asked for it for a long time")
    }

    /// Memory holds one plain page at a time: it is gone before another is made.
    @Test func plainPagesAreMadeWhenAskedFor() async throws {
        let other = InstanceList(instances: [Instance(id: "a", name: "first", status: .failed)], bytes: 100)
        let fixture = try await Fixture(polls: [.success(Fixture.list), .success(Fixture.list), .success(other)])
        let page = MetricsPage(snapshot: { fixture.monitor.snapshot }, time: fixture.time)
        let forms = ExpositionFormat.allCases.map { MetricsPage.Form(format: $0, gzip: false) }
        func ready() -> [MetricsPage.Form] {
            page.cache.withLock { cache in forms.filter { cache.rendered($0, at: fixture.time.now.uptime) != nil } }
        }
        for form in forms {
            _ = await page.rendered(form)
            #expect(ready() == [form])
        }
        try await fixture.poll()
        await page.refresh()
        #expect(ready() == [forms[1]], "nothing has changed: only the part of the account is made anew")
        try await fixture.poll()
        await page.refresh()
        #expect(ready() == [])
        #expect(String(decoding: await page.rendered(forms[0]).body.bytes, as: UTF8.self).contains("FAILED\"} 1"))
    }

    @Test func leavesOutExporterMetricsIfAsked() async throws {
        let fixture = try await Fixture(polls: [.success(Fixture.list)], .init(includesExporter: false))
        let text = try await fixture.text(fixture.get("/metrics"))
        #expect(!text.contains("process_") && !text.contains("hypersender_exporter_"))
        #expect(
            try await fixture.text(fixture.get("/metrics", ["Accept": "application/openmetrics-text"])).hasSuffix(
                "# EOF\n"))
    }

    @Test func limitsConcurrentScrapes() async throws {
        let fixture = try await Fixture(polls: [.success(Fixture.list)], .init(maximumScrapes: 2))
        let first = await fixture.get("/metrics")
        let second = await fixture.get("/metrics")
        let third = await fixture.get("/metrics")
        #expect([first.status, second.status, third.status] == [200, 200, 503])
        #expect(third.headers["Retry-After"] == "1" && third.onEnd == nil)
        // A place is free again when a response has been sent to its end.
        first.onEnd?()
        let fourth = await fixture.get("/metrics")
        #expect(fourth.status == 200)
        #expect(await fixture.get("/metrics").status == 503)
        // Or when its client takes nothing of it; its end gives no second one back.
        second.onStall?()
        let fifth = await fixture.get("/metrics")
        #expect(fifth.status == 200)
        second.onEnd?()
        second.onStall?()
        first.onEnd?()
        #expect(await fixture.get("/metrics").status == 503)
        withExtendedLifetime((fourth, fifth)) {}
    }

    @Test func refusesUnknownPathsAndMethods() async throws {
        let fixture = try await Fixture(polls: [])
        func reply(_ method: String, _ path: String) -> Reply {
            var request = Request(method: method, target: path)
            request.awaitsBody = true
            return fixture.endpoints.handle(request)
        }
        for (method, path, status) in [
            ("POST", "/metrics", 405), ("GET", "/nowhere", 404), ("POST", "/nowhere", 404), ("POST", "/-/reload", 404),
        ] {
            guard case .now(let response) = reply(method, path) else {
                Issue.record("\(method) \(path) is not refused")
                continue
            }
            #expect(response.status == status)
            #expect(await fixture.get(path, method: method).status == status)
        }
        for (method, path) in [("GET", "/metrics"), ("HEAD", "/metrics"), ("GET", "/"), ("GET", "/-/healthy")] {
            guard case .afterBody = reply(method, path) else {
                Issue.record("\(method) \(path) is answered before its body is read")
                continue
            }
        }
    }

    @Test(arguments: [
        ("/metric?token=secret", "/metric"), ("/<b>&\"'", "/%3Cb%3E%26%22%27"), ("/%3Cb%3E", "/%3Cb%3E"),
        ("/" + String(repeating: "a", count: 200), "/" + String(repeating: "a", count: 99) + "…"), ("/a/b:c", "/a/b:c"),
    ])
    func namesThePathThatIsNotFound(target: String, shown: String) async throws {
        let fixture = try await Fixture(polls: [])
        let response = await fixture.get(target)
        #expect(response.headers["Content-Type"] == "text/plain; charset=utf-8")
        #expect(try fixture.text(response) == "Not found: \(shown). The metrics are at /metrics.\n")
    }

    @Test func doesNotLimitScrapesAtZero() async throws {
        let fixture = try await Fixture(polls: [.success(Fixture.list)], .init(maximumScrapes: 0))
        for _ in 0..<200 {
            #expect(await fixture.get("/metrics").status == 200)
        }
    }

    @Test func reloadsOnlyIfEnabled() async throws {
        let without = try await Fixture(polls: [])
        #expect(await without.get("/-/reload", method: "POST").status == 404)
        let calls = Atomic(0)
        let fixture = try await Fixture(polls: []) {
            calls.add(1, ordering: .relaxed)
            return []
        }
        let refused = await fixture.get("/-/reload")
        #expect(refused.status == 405 && refused.headers["Allow"] == "POST, PUT")
        #expect(await fixture.get("/-/reload", ["Sec-Fetch-Site": "cross-site"], method: "POST").status == 403)
        #expect(calls.load(ordering: .relaxed) == 0)
        #expect(await fixture.get("/-/reload", method: "POST").status == 200)
        #expect(await fixture.get("/-/reload", method: "PUT").status == 200)
        #expect(calls.load(ordering: .relaxed) == 2)
    }

    @Test(
        arguments: [
            (nil, "a:10058", true), ("http://a:10058", "a:10058", true), ("https://a:10058", "a:10058", true),
            ("http://a", "a", true), ("http://a", "a:80", true), ("https://a", "a:443", true),
            ("https://a:443", "a", true), ("http://a", "a:", true), ("http://A.example", "a.EXAMPLE", true),
            ("http://[::1]:10058", "[::1]:10058", true), ("http://[2001:DB8::1]", "[2001:db8::1]:80", true),
            ("http://a", "a:443", false), ("https://a", "a:80", false), ("http://a:1", "a:10058", false),
            ("http://a", "a:10058", false), ("http://b:10058", "a:10058", false), ("http://[::2]:1", "[::1]:1", false),
            ("http://[::1]", "[::1]:10058", false), ("http://a.b", "a", false), ("http://b.a", "a", false),
            ("null", "a", false), ("", "a", false), ("a", "a", false), ("ftp://a", "a", false), ("http://", "a", false),
            ("http://a/", "a", false), ("http://b@a", "a", false), ("http://a:80x", "a:80x", false),
            ("http://a, http://b", "a", false), ("http://a", nil, false), ("http://", "", false),
        ] as [(String?, String?, Bool)])
    func refusesReloadsFromAnotherOrigin(origin: String?, host: String?, isAllowed: Bool) async throws {
        let calls = Atomic(0)
        let fixture = try await Fixture(polls: []) {
            calls.add(1, ordering: .relaxed)
            return []
        }
        var headers = Headers()
        for (name, value) in [("Origin", origin), ("Host", host)] {
            if let value {
                headers.set(name, value)
            }
        }
        for method in ["POST", "PUT"] {
            #expect(await fixture.get("/-/reload", headers, method: method).status == (isAllowed ? 200 : 403))
            // A target with a host of its own must not name another than the field.
            if let host, !host.isEmpty {
                let target = "http://\(host)/-/reload?x"
                #expect(await fixture.get(target, headers, method: method).status == (isAllowed ? 200 : 403))
                headers.set("Host", "other")
                #expect(await fixture.get(target, headers, method: method).status == (origin == nil ? 200 : 403))
                headers.set("Host", host)
            }
        }
        #expect((calls.load(ordering: .relaxed) > 0) == isAllowed)
    }

    @Test func explainsAFailedReload() async throws {
        let fixture = try await Fixture(polls: []) { ["accounts.yml:3: one mistake", "accounts.yml:4: another"] }
        let response = await fixture.get("/-/reload", method: "POST")
        #expect(response.status == 500)
        #expect(try fixture.text(response).hasSuffix("\naccounts.yml:3: one mistake\naccounts.yml:4: another\n"))
    }

    @Test func countsRequestsByHandlerAndCode() async throws {
        let fixture = try await Fixture(polls: [.success(Fixture.list)])
        _ = await fixture.get("/metrics")
        _ = await fixture.get("/nothing")
        _ = await fixture.get("/runbooks")
        _ = await fixture.get("/", method: "POST")
        let page = try await fixture.text(fixture.get("/metrics"))
        for line in [
            "metrics\",code=\"200\"} 1", "runbooks\",code=\"200\"} 1", "other\",code=\"404\"} 1",
            "status\",code=\"405\"} 1",
        ] {
            #expect(page.contains("hypersender_exporter_http_requests_total{handler=\"\(line)\n"))
        }
    }

    @Test(arguments: [
        ("GET", "/metrics", 200), ("HEAD", "/metrics", 200), ("POST", "/metrics", 405), ("PUT", "/", 405),
        ("DELETE", "/x", 404),
        ("OPTIONS", "/metrics", 405), ("get", "/metrics", 405), ("GET", "/metrics/", 404), ("GET", "/Metrics", 404),
        ("GET", "//metrics", 404), ("GET", "/metrics?name=x", 200), ("GET", "/", 200), ("GET", "/-/healthy", 200),
        ("GET", "/runbooks", 200), ("HEAD", "/runbooks", 200), ("POST", "/runbooks", 405), ("GET", "/runbooks/", 404),
        ("GET", "/-/ready", 200), ("GET", "/-/reload", 404), ("POST", "/-/reload", 404), ("GET", "/favicon.ico", 404),
        ("GET", "/%6detrics", 404), ("GET", "/../metrics", 404),
    ])
    func routes(method: String, target: String, status: Int) async throws {
        let fixture = try await Fixture(polls: [.success(Fixture.list)])
        let response = await fixture.get(target, method: method)
        #expect(response.status == status)
        #expect((response.headers["Allow"] == "GET, HEAD") == (status == 405))
    }

    @Test func servesMetricsAtAnotherPath() async throws {
        let fixture = try await Fixture(polls: [.success(Fixture.list)], .init(telemetryPath: "/probe/metrics"))
        #expect(await fixture.get("/probe/metrics").status == 200)
        #expect(await fixture.get("/metrics").status == 404)
        #expect(try await fixture.text(fixture.get("/metrics")).contains("/probe/metrics"))
        let atRoot = try await Fixture(polls: [.success(Fixture.list)], .init(telemetryPath: "/"))
        #expect(try await atRoot.text(atRoot.get("/")).contains("hypersender_up 1"))
    }

    @Test func readinessWaitsForTheFirstPoll() async throws {
        let fixture = try await Fixture(polls: [])
        #expect(await fixture.get("/-/ready").status == 503)
        #expect(await fixture.get("/-/healthy").status == 200)
        try await fixture.poll()
        #expect(await fixture.get("/-/ready").status == 200)
    }

    @Test func escapesTheStatusPageAndForbidsScripts() async throws {
        let evil = #"<script>alert("x")</script>&'"# + "\u{0}\u{1B}"
        let list = InstanceList(instances: [Instance(id: evil, name: evil, status: .failed)])
        let fixture = try await Fixture(
            polls: [.success(list), .failure(APIError(.httpError, "said \(evil)"))], .init(telemetryPath: "/a\"><b>"))
        try await fixture.poll()
        let response = await fixture.get("/?q=%3Cscript%3Ealert&status=%22%3E&account=%zz%ff&refresh=<")
        let page = try fixture.text(response)
        #expect(!page.contains("<script") && !page.contains("\u{0}") && !page.contains("\u{1B}"))
        #expect(page.contains("said &lt;script&gt;alert(&quot;x&quot;)&lt;/script&gt;&amp;&#39;[U+0000][U+001B]"))
        #expect(page.contains("href=\"./a&quot;&gt;&lt;b&gt;\""))
        #expect(response.headers["Content-Type"] == "text/html; charset=utf-8")
        #expect(response.headers["Cache-Control"] == "no-store")
        let policy = try #require(response.headers["Content-Security-Policy"])
        #expect(policy.contains("default-src 'none'") && !policy.contains("unsafe") && !policy.contains("script-src"))
        let nonce = try #require(policy.firstMatch(of: /'nonce-(\d+)'/)?.output.1)
        #expect(page.contains("<style nonce=\"\(nonce)\">"))
        let other = await fixture.get("/").headers["Content-Security-Policy"]
        #expect(other != policy, "a nonce is used once")
    }

    @Test func servesRunbooksWithTheStatusPagesHeaders() async throws {
        let fixture = try await Fixture(polls: [])
        let (status, first) = await (fixture.get("/"), fixture.get("/runbooks"))
        let policies = await [status, first, fixture.get("/runbooks")].compactMap {
            $0.headers["Content-Security-Policy"]
        }
        let nonces = try policies.map { String(try #require($0.firstMatch(of: /'nonce-(\d+)'/)?.output.1)) }
        #expect(Set(nonces).count == 3)
        #expect(Set(zip(policies, nonces).map { $0.replacing($1, with: "") }).count == 1)
        for name in [
            "Content-Type", "Cache-Control", "Referrer-Policy", "X-Content-Type-Options", "X-Frame-Options",
        ] {
            #expect(first.headers[name] != nil && first.headers[name] == status.headers[name], "\(name)")
        }
        #expect(try fixture.text(first).contains("<style nonce=\"\(nonces[1])\">\n"))
    }

    @Test func filtersTheStatusPage() async throws {
        let fixture = try await Fixture(polls: [.success(Fixture.list)])
        let page = try await fixture.text(fixture.get("/?q=SEC&status=failed"))
        #expect(page.contains(">second<") && !page.contains(">first<"))
        #expect(page.contains("1 of 2 instances matches"))
    }

    /// A page whose connection ends before it is rendered gives its place back.
    @Test func limitsConcurrentStatusPages() async throws {
        let fixture = try await Fixture(polls: [.success(Fixture.list)])
        var waiting = (0..<Endpoints.maximumStatusPages).map { _ in fixture.reply("/") }
        let refused = await fixture.get("/")
        #expect(refused.status == 503 && refused.headers["Retry-After"] == "1")
        #expect(await fixture.get("/metrics").status == 200)
        guard case .later(let render) = waiting.removeLast() else {
            Issue.record("the page is made at once")
            return
        }
        #expect(await render().status == 200)
        #expect(await render().status == 200)
        #expect(await fixture.get("/").status == 200)
        waiting = (0..<Endpoints.maximumStatusPages - 3).map { _ in fixture.reply("/") }
        #expect(await fixture.get("/").status == 200)
    }
}

/// Endpoints over one account whose polls are scripted.
private final class Fixture: Sendable {
    static let list = InstanceList(
        instances: [
            Instance(id: "a", name: "first", status: .working, details: .init(hasAccessToken: true)),
            Instance(id: "b", name: "second", status: .failed),
        ], bytes: 100)

    let time = SteppedTime()
    let monitor: Monitor
    private let poller: Poller
    let endpoints: Endpoints
    init(
        polls: [Result<InstanceList, APIError>], _ configuration: Endpoints.Configuration = .init(),
        reload: Endpoints.Reload? = nil
    ) async throws {
        poller = Poller(
            AccountState(AccountOptions(interval: .seconds(10), staleAfter: .seconds(30))), lister: Script(polls),
            time: time,
            logger: Logger(label: "test", factory: { _ in SwiftLogNoOpLogHandler() }),
            options: Poller.Options(timeout: .seconds(10)))
        monitor = Monitor([poller], time: time)
        endpoints = Endpoints(
            configuration, monitor: monitor,
            exporter: ExporterStatus(
                ExporterState(version: "0", revision: "0", swiftVersion: "0", startTime: 1), time: time), time: time,
            reload: reload)
        if !polls.isEmpty {
            try await poll()
        }
    }

    func poll() async throws {
        _ = await poller.poll()
        await endpoints.pollEnded()
    }

    func reply(_ target: String, _ headers: Headers = [:], method: String = "GET") -> Reply {
        endpoints.handle(Request(method: method, target: target, headers: headers))
    }

    func get(_ target: String, _ headers: Headers = [:], method: String = "GET") async -> Response {
        switch reply(target, headers, method: method) {
        case .now(let response): response
        case .later(let respond): await respond()
        case .afterBody, .raw: Response(status: 0)
        }
    }

    func bytes(_ response: Response) throws -> [UInt8] {
        response.body.bytes
    }

    func text(_ response: Response) throws -> String {
        try #require(String(validating: bytes(response), as: UTF8.self))
    }
}

/// Answers polls from a script, and repeats the last answer.
private struct Script: InstanceLister {
    private let answers: [Result<InstanceList, APIError>]
    private let calls = Counter()

    init(_ answers: [Result<InstanceList, APIError>]) {
        self.answers = answers
    }

    func listInstances() async throws -> ListResponse {
        let call = calls.next()
        guard let last = answers.last else {
            return .list(InstanceList())
        }
        return .list(try (call < answers.count ? answers[call] : last).get())
    }

    private final class Counter: Sendable {
        private let count = Atomic(0)

        func next() -> Int {
            count.add(1, ordering: .relaxed).oldValue
        }
    }
}

/// A clock that is set by hand; sleeping advances it.
private final class SteppedTime: TimeSource {
    private let uptime = Mutex(Duration.zero)

    var now: Moment {
        let uptime = uptime.withLock { $0 }
        return Moment(unix: 1_000_000 + uptime.seconds, uptime: uptime)
    }

    func advance(by duration: Duration) {
        uptime.withLock { $0 += duration }
    }

    func sleep(untilUptime uptime: Duration) async throws {
        self.uptime.withLock { $0 = max($0, uptime) }
    }
}
