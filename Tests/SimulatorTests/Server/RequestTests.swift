import HTTPServer
import Testing

@testable import Simulator

/// Everything that decides on a request without a connection.
@Suite struct RequestTests {
    @Test(arguments: [
        ("GET", "/api/whatsapp/v1/instances", Route.list),
        ("HEAD", "/api/whatsapp/v2/instances", .list),
        ("POST", "/api/whatsapp/v1/instances", .methodNotAllowed(["GET", "HEAD"])),
        ("GET", "/api/whatsapp/v3/instances", .notFound),
        ("GET", "/api/whatsapp/v1/instances/", .notFound),
        ("GET", "/", .notFound),
        ("GET", "*", .notFound),
        ("GET", "/login", .loginPage),
        ("GET", "/simulator", .help),
        ("GET", "/simulator/", .help),
        ("GET", "/simulator/faults", .faultKinds),
        ("GET", "/simulator/fault", .currentFault),
        ("POST", "/simulator/fault", .setFault),
        ("DELETE", "/simulator/fault", .clearFault),
        ("PUT", "/simulator/fault", .methodNotAllowed(["DELETE", "GET", "HEAD", "POST"])),
        ("GET", "/simulator/requests", .requests),
        ("POST", "/simulator/instances", .addInstances),
        ("POST", "/simulator/instances/3", .setStatus("3")),
        ("DELETE", "/simulator/instances/3", .removeInstance("3")),
        ("GET", "/simulator/instances/3", .methodNotAllowed(["DELETE", "POST"])),
        ("POST", "/simulator/instances/3/4", .notFound),
        ("GET", "/simulator/other", .notFound),
    ])
    func routes(method: String, path: String, expected: Route) {
        #expect(Route(method: method, path: path) == expected)
    }

    @Test(arguments: [
        (Route.clearFault, "", ControlRequest.setFault(nil)),
        (.currentFault, "", .readFault),
        (.setFault, "kind=503&count=2", .setFault(.status(503, count: 2))),
        (.requests, "", .readRequestCount),
        (.addInstances, "", .addInstances(1)),
        (.addInstances, "count=7", .addInstances(7)),
        (.setStatus("3"), "status=FAILED", .setStatus(.failed, .place(3), hold: true)),
        (.setStatus("a-b"), "status=PENDING&hold=false", .setStatus(.pending, .id("a-b"), hold: false)),
        (.removeInstance("0"), "", .removeInstance(.place(0))),
    ])
    func controlRequests(route: Route, query: String, expected: ControlRequest) throws {
        #expect(try ControlRequest(route, Request(target: "/?\(query)").queryItems()) == expected)
    }

    @Test(arguments: [
        (Route.setFault, "", "A fault needs a `kind`. Allowed: status"),
        (.addInstances, "count=0", "`count` is `0`. Allowed: 1 to 1000000."),
        (.addInstances, "number=1", "Unknown parameter `number`. Allowed: count."),
        (.setStatus("3"), "", "`status` is ``. Allowed: STOPPED, STARTING, WORKING, SCAN_QR_CODE, FAILED, PENDING."),
        (.setStatus("3"), "status=working", "`status` is `working`. Allowed: STOPPED"),
        (.setStatus("3"), "status=WORKING&hold=1", "`hold` is `1`. Allowed: true, false."),
        (.removeInstance("3"), "x=1", "Unknown parameter `x`. Allowed: none."),
    ])
    func refusedControlRequests(route: Route, query: String, expected: String) {
        do {
            let request = try ControlRequest(route, Request(target: "/?\(query)").queryItems())
            Issue.record("\(String(describing: request)) was accepted")
        } catch {
            #expect(error.message.contains(expected))
        }
    }

    private func admit(_ headers: Headers, target: String = "/", retryAfter: Int? = nil) -> (Int, Headers) {
        let request = Request(target: target, headers: headers)
        let admission = Admission(request, token: "1|key", unixTime: 1_000_000) {
            RequestRate.Verdict(limit: 10, remaining: 4, retryAfter: retryAfter)
        }
        switch admission {
        case .granted(let rate, _):
            var headers = Headers()
            headers.addRate(rate)
            return (200, headers)
        case .refused(let response): return (response.status, response.headers)
        }
    }

    @Test(arguments: [
        ("Bearer 1|key", 200), ("bearer 1|key", 200), ("Bearer  1|key", 200), ("Bearer 1|kex", 401), ("1|key", 401),
        ("Basic 1|key", 401), ("Bearer ", 401), ("Bearer", 401), ("", 401), ("Bearer 1|key ", 401),
    ])
    func authorization(value: String, expected: Int) {
        #expect(admit(["Authorization": value, "Accept": "application/json"]).0 == expected)
    }

    @Test(arguments: [
        ("application/json", 401), ("application/vnd.api+json", 401), ("application/json, text/html", 401),
        ("text/html, application/json", 302), ("*/*", 302), ("", 302),
    ])
    func withoutAKeyTheAnswerDependsOnWhatIsAccepted(accept: String, expected: Int) {
        let (status, headers) = admit(["Host": "h:1", "Accept": accept])
        #expect(status == expected)
        #expect(headers["Location"] == (expected == 302 ? "http://h:1/login" : nil))
    }

    @Test func withAKeyWhatIsAcceptedDoesNotMatter() {
        #expect(admit(["Authorization": "Bearer 1|key"]).0 == 200)
    }

    @Test func tooManyRequests() {
        let (status, headers) = admit(["Authorization": "Bearer 1|key"], retryAfter: 17)
        #expect(status == 429)
        #expect(headers["Retry-After"] == "17")
        #expect(headers["X-RateLimit-Reset"] == "1000017")
        #expect(headers["X-RateLimit-Limit"] == "10")
    }

    @Test func anUnknownFilterIsABadRequest() {
        let (status, headers) = admit(["Authorization": "Bearer 1|key"], target: "/?filter[x]=1")
        #expect(status == 400)
        #expect(headers["X-RateLimit-Remaining"] == "4")
    }

    @Test func theRateIsCountedByTheMinute() {
        var rate = RequestRate(limit: 2, isEnforced: true)
        var seen: [RequestRate.Verdict] = []
        for second in [0.0, 10, 20.5, 59.9, 60, 61, 62] { seen.append(rate.count(at: .seconds(second))) }
        #expect(seen.map(\.remaining) == [1, 0, 0, 0, 1, 0, 0])
        #expect(seen.map(\.retryAfter) == [nil, nil, 40, 1, nil, nil, 58])
    }

    @Test func aRateThatIsNotEnforcedOnlyCounts() {
        var rate = RequestRate(limit: 1, isEnforced: false)
        var seen: [RequestRate.Verdict] = []
        for _ in 0..<3 { seen.append(rate.count(at: .zero)) }
        #expect(seen.map(\.remaining) == [0, 0, 0])
        #expect(seen.allSatisfy { $0.retryAfter == nil })
    }
}
