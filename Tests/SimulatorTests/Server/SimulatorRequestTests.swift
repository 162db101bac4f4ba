import HTTPServer
import Testing

@testable import Simulator

/// Parsing of requests and decisions on them, without a connection.
@Suite struct SimulatorRequestTests {
    @Test(arguments: [
        ("GET", "/api/whatsapp/v1/instances", SimulatorRequest.list),
        ("HEAD", "/api/whatsapp/v2/instances", .list),
        ("GET", "/login", .loginPage),
        ("GET", "/simulator", .help),
        ("GET", "/simulator/", .help),
        ("GET", "/simulator/faults", .faultKinds),
        ("GET", "/simulator/fault", .readFault),
        ("POST", "/simulator/fault?kind=503&count=2", .setFault(.status(503, count: 2))),
        ("DELETE", "/simulator/fault", .setFault(nil)),
        ("GET", "/simulator/requests", .readRequestCount),
        ("POST", "/simulator/instances", .addInstances(1)),
        ("POST", "/simulator/instances?count=7", .addInstances(7)),
        ("POST", "/simulator/instances/3?status=FAILED", .setStatus(.failed, instance: "3", hold: true)),
        (
            "POST", "/simulator/instances/a-b?status=PENDING&hold=false",
            .setStatus(.pending, instance: "a-b", hold: false)
        ),
        ("DELETE", "/simulator/instances/0", .removeInstance("0")),
    ])
    func readsRequests(method: String, target: String, expected: SimulatorRequest) throws {
        #expect(try SimulatorRequest(Request(method: method, target: target)) == expected)
    }

    @Test(arguments: [
        ("GET", "/api/whatsapp/v3/instances", 404, "Not found."),
        ("GET", "/api/whatsapp/v1/instances/", 404, "Not found."),
        ("GET", "/", 404, "Not found."),
        ("GET", "*", 404, "Not found."),
        ("POST", "/simulator/instances/3/4", 404, "Not found."),
        ("GET", "/simulator/other", 404, "Not found."),
        ("POST", "/api/whatsapp/v1/instances", 405, "The method POST is not allowed here. Allowed: GET, HEAD."),
        ("PUT", "/simulator/fault", 405, "Allowed: DELETE, GET, HEAD, POST."),
        ("GET", "/simulator/instances/3", 405, "Allowed: DELETE, POST."),
        ("POST", "/simulator/fault", 400, "A fault needs a `kind`. Allowed: status"),
        ("POST", "/simulator/instances?count=0", 400, "`count` is `0`. Allowed: 1 to 1000000."),
        ("POST", "/simulator/instances?number=1", 400, "Unknown parameter `number`. Allowed: count."),
        (
            "POST", "/simulator/instances/3", 400,
            "`status` is ``. Allowed: STOPPED, STARTING, WORKING, SCAN_QR_CODE, FAILED, PENDING."
        ),
        ("POST", "/simulator/instances/3?status=working", 400, "`status` is `working`. Allowed: STOPPED"),
        ("POST", "/simulator/instances/3?status=WORKING&hold=1", 400, "`hold` is `1`. Allowed: true, false."),
        ("DELETE", "/simulator/instances/3?x=1", 400, "Unknown parameter `x`. Allowed: none."),
    ])
    func refusesRequests(method: String, target: String, status: Int, expected: String) {
        do {
            let request = try SimulatorRequest(Request(method: method, target: target))
            Issue.record("\(request) was accepted")
        } catch {
            #expect(error.message.contains(expected))
            #expect(error.response.status == status)
            #expect((error.response.headers["Allow"] != nil) == (status == 405))
        }
    }

    /// The outcome for the last of some requests, 43 seconds after the first of a minute.
    private func decide(
        _ headers: Headers, target: String = "/", afterRequests count: Int = 5
    ) throws -> (Int, Headers) {
        var configuration = SimulatorConfiguration()
        configuration.rateLimit = 10
        var simulation = Simulation(configuration, token: "1|key")
        let good = Request(target: "/", headers: ["Authorization": "Bearer 1|key"])
        for _ in 0..<count {
            _ = try simulation.decide(good, unixTime: 0)
        }
        simulation.advance(to: .seconds(43))
        let request = Request(target: target, headers: headers)
        do throws(RefusedRequest) {
            guard case .list(_, let rate) = try simulation.decide(request, unixTime: 1_000_000)
            else { return (0, [:]) }
            return (200, rate.headers)
        } catch {
            return (error.response.status, error.response.headers)
        }
    }

    @Test(arguments: [
        ("Bearer 1|key", 200), ("bearer 1|key", 200), ("Bearer  1|key", 200), ("Bearer 1|kex", 401), ("1|key", 401),
        ("Basic 1|key", 401), ("Bearer ", 401), ("Bearer", 401), ("", 401), ("Bearer 1|key ", 401),
    ])
    func takesBearerTokens(value: String, expected: Int) throws {
        #expect(try decide(["Authorization": value, "Accept": "application/json"]).0 == expected)
    }

    @Test(arguments: [
        ("application/json", 401), ("application/vnd.api+json", 401), ("application/json, text/html", 401),
        ("text/html, application/json", 302), ("*/*", 302), ("", 302),
    ])
    func redirectsBrowsersWithoutAKeyToTheLogin(accept: String, expected: Int) throws {
        let (status, headers) = try decide(["Host": "h:1", "Accept": accept])
        #expect(status == expected)
        #expect(headers["Location"] == (expected == 302 ? "http://h:1/login" : nil))
    }

    @Test func ignoresAcceptOfARequestWithTheKey() throws {
        #expect(try decide(["Authorization": "Bearer 1|key"]).0 == 200)
    }

    @Test func refusesTooManyRequests() throws {
        let (status, headers) = try decide(["Authorization": "Bearer 1|key"], afterRequests: 10)
        #expect(status == 429)
        #expect(headers["Retry-After"] == "17")
        #expect(headers["X-RateLimit-Reset"] == "1000017")
        #expect(headers["X-RateLimit-Limit"] == "10")
    }

    @Test func refusesUnknownFilters() throws {
        let (status, headers) = try decide(["Authorization": "Bearer 1|key"], target: "/?filter[x]=1")
        #expect(status == 400)
        #expect(headers["X-RateLimit-Remaining"] == "4")
    }

    @Test func countsRequestsByTheMinute() {
        var rate = RateLimiter(limit: 2, isEnforced: true)
        var seen: [RateLimiter.Decision] = []
        for second in [0.0, 10, 20.5, 59.9, 60, 61, 62] { seen.append(rate.count(at: .seconds(second))) }
        #expect(seen.map(\.remaining) == [1, 0, 0, 0, 1, 0, 0])
        #expect(seen.map(\.retryAfter) == [nil, nil, 40, 1, nil, nil, 58])
    }

    @Test func onlyCountsWithoutEnforcement() {
        var rate = RateLimiter(limit: 1, isEnforced: false)
        var seen: [RateLimiter.Decision] = []
        for _ in 0..<3 { seen.append(rate.count(at: .zero)) }
        #expect(seen.map(\.remaining) == [0, 0, 0])
        #expect(seen.allSatisfy { $0.retryAfter == nil })
    }
}
