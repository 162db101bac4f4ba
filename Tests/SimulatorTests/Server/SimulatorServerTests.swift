import HTTPServer
import Synchronization
import Testing

@testable import Simulator

/// A simulator that runs during one test, with a client that has its key.
struct Running: Sendable {
    let simulator: SimulatorServer
    let client: RawClient

    static func with(
        _ configuration: SimulatorConfiguration = .still(), _ body: (Running) async throws -> Void
    ) async throws {
        let simulator = try await SimulatorServer.start(configuration)
        let address = simulator.baseURL.dropFirst("http://127.0.0.1:".count)
        let port = try #require(Int(address.prefix { $0 != "/" }))
        do {
            try await body(Running(simulator: simulator, client: RawClient(port: port)))
        } catch {
            await simulator.shutdown()
            throw error
        }
        await simulator.shutdown()
    }

    func list(
        _ query: String = "", method: String = "GET", until isEnough: @escaping RawClient.Enough = { _ in false }
    ) async throws -> RawReply {
        try await client.get("/api/whatsapp/v1/instances\(query)", authorized, method: method, until: isEnough)
    }

    var authorized: [String] { ["Authorization: Bearer \(simulator.token)", "Accept: application/json"] }

    /// The list without a fault.
    var sound: [UInt8] { ListForm.array(simulator.instances) }
}

extension SimulatorServer {
    var instances: [SimulatedInstance] { live.update { $0.account.instances } }
    var fault: Fault? { live.update { $0.fault } }
    var requestCount: Int { live.update { $0.requestCount } }
    var lastRequest: Request? { live.update { $0.lastRequest } }

    func setFault(_ fault: Fault?) {
        live.update { $0.fault = fault }
    }

    func setStatus(_ status: SimulatedStatus, at index: Int) {
        live.update { $0.account.setStatus(status, at: index) }
    }
}

extension SimulatorConfiguration {
    /// An account that changes by control requests only.
    static func still(_ instances: Int = 12) -> Self {
        var configuration = Self(instances: instances, seed: 7)
        configuration.changes = false
        return configuration
    }
}

@Suite struct SimulatorServerTests {
    @Test func servesTheDocumentedList() async throws {
        try await Running.with { running in
            #expect(running.simulator.baseURL.hasSuffix("/api/whatsapp/v1"))
            let reply = try await running.list()
            #expect(reply.status == 200)
            #expect(reply.header("Content-Type") == "application/json")
            #expect(reply.header("X-RateLimit-Limit") == "1000")
            #expect(reply.header("X-RateLimit-Remaining") == "999")
            #expect(reply.body == running.sound)
            let second = try await running.client.get("/api/whatsapp/v2/instances", running.authorized)
            #expect(second.body == reply.body)
            #expect(second.header("X-RateLimit-Remaining") == "998")
            let head = try await running.list(method: "HEAD")
            #expect(head.status == 200 && head.body.isEmpty)
            #expect(head.header("Content-Length") == "\(reply.body.count)")
        }
    }

    @Test func answersAKnownEntityTagWith304() async throws {
        var configuration = SimulatorConfiguration.still()
        configuration.entityTags = true
        try await Running.with(configuration) { running in
            let path = "/api/whatsapp/v1/instances"
            let first = try await running.list()
            let tag = try #require(first.header("ETag"))
            #expect(first.status == 200 && tag.hasPrefix("\""))
            for known in [tag, "W/\(tag)", "\"x\", \(tag)", "*"] {
                let reply = try await running.client.get(path, running.authorized + ["If-None-Match: \(known)"])
                #expect(reply.status == 304 && reply.body.isEmpty, "\(known)")
                #expect(reply.header("ETag") == tag && reply.header("X-RateLimit-Limit") == "1000")
            }
            let other = try await running.client.get(path, running.authorized + ["If-None-Match: \"x\""])
            #expect(other.status == 200 && other.body == first.body)
            running.simulator.setStatus(.failed, at: 0)
            let changed = try await running.client.get(path, running.authorized + ["If-None-Match: \(tag)"])
            #expect(changed.status == 200 && changed.header("ETag") != tag)
            let failed = try await running.client.get(
                path + "?filter%5Bstatus%5D=FAILED", running.authorized + ["If-None-Match: \(tag)"])
            #expect(failed.status == 200)
        }
        try await Running.with { running in
            let reply = try await running.list()
            #expect(reply.header("ETag") == nil)
        }
    }

    @Test func refusesRequestsWithoutTheKey() async throws {
        try await Running.with { running in
            let path = "/api/whatsapp/v1/instances"
            let json = "Accept: application/json"
            for key in [[], ["Authorization: Bearer 1|wrong"]] {
                let reply = try await running.client.get(path, [json] + key)
                #expect(reply.status == 401)
                #expect(reply.text == #"{"message":"Unauthenticated."}"#)
                let page = try await running.client.get(path, key)
                #expect(page.status == 302)
                #expect(page.header("Location") == "http://127.0.0.1:\(running.client.port)/login")
            }
            let login = try await running.client.get("/login")
            #expect(login.status == 200)
            #expect(login.header("Content-Type")?.hasPrefix("text/html") == true)
        }
    }

    @Test func appliesFilters() async throws {
        try await Running.with { running in
            let failed = running.simulator.instances.filter { $0.status == .failed }
            try #require(!failed.isEmpty)
            let reply = try await running.list("?filter%5Bstatus%5D=FAILED")
            #expect(reply.body == ListForm.array(failed))
            let phone = failed[0].phone.dropFirst()
            #expect(try await running.list("?filter%5Bphone%5D=%2B\(phone)").body == ListForm.array([failed[0]]))
            let unknown = try await running.list("?filter%5Bid%5D=1")
            #expect(unknown.status == 400)
            #expect(unknown.text == #"{"message":"Unknown filter `id`. Allowed: uuid, name, phone, status."}"#)
        }
    }

    @Test func refusesOtherPathsAndMethods() async throws {
        try await Running.with { running in
            let missing = try await running.client.get("/api/whatsapp/v1/nothing", running.authorized)
            #expect(missing.status == 404)
            #expect(missing.text == #"{"message":"Not found."}"#)
            let post = try await running.list(method: "POST")
            #expect(post.status == 405)
            #expect(post.header("Allow") == "GET, HEAD")
        }
    }

    @Test func linksPages() async throws {
        var configuration = SimulatorConfiguration.still(5)
        configuration.form = .paged(size: 2)
        try await Running.with(configuration) { running in
            var seen = ""
            for page in 1...3 {
                let text = try await running.list("?page=\(page)").text
                let next = #""next":"http:\/\/127.0.0.1:\#(running.client.port)\/api\/whatsapp\/v1\/instances?page="#
                #expect(text.contains("\(next)\(page + 1)\"") == (page < 3))
                seen += text
            }
            for instance in running.simulator.instances { #expect(seen.contains(instance.id)) }
        }
    }

    @Test func enforcesTheRateLimitIfAsked() async throws {
        var configuration = SimulatorConfiguration.still()
        configuration.rateLimit = 1
        configuration.elapsed = { .zero }
        try await Running.with(configuration) { running in
            #expect(try await running.list().status == 200)
            let refused = try await running.list()
            #expect(refused.status == 429)
            #expect(refused.header("Retry-After") == "60")
            #expect(refused.text == #"{"message":"Too Many Attempts."}"#)
        }
    }

    /// A clock that a test moves by hand.
    private final class Clock: Sendable {
        private let time = Mutex(Duration.zero)
        var now: Duration {
            get { time.withLock { $0 } }
            set { time.withLock { $0 = newValue } }
        }
    }

    @Test func answersChangeOnlyWithTheClock() async throws {
        let clock = Clock()
        var configuration = SimulatorConfiguration(instances: 12, seed: 7)
        configuration.elapsed = { clock.now }
        configuration.pace = 2
        try await Running.with(configuration) { running in
            let first = try await running.list()
            #expect(try await running.list().body == first.body)
            clock.now = .seconds(1800)
            let later = try await running.list()
            #expect(later.body != first.body)
            var account = SimulatedAccount(instances: 12, seed: 7)
            account.advance(to: .seconds(3600))
            #expect(later.body == ListForm.array(account.instances))
        }
    }

    @Test func controlByTheSwiftInterface() async throws {
        try await Running.with { running in
            let simulator = running.simulator
            _ = try await running.list()
            simulator.setStatus(.stopped, at: 0)
            #expect(try await running.list().body == running.sound)
            #expect(simulator.instances[0].status == .stopped)
            #expect(simulator.requestCount == 2)
            #expect(simulator.lastRequest?.headers["authorization"] == "Bearer \(simulator.token)")
        }
    }

    @Test func controlByRequests() async throws {
        try await Running.with { running in
            let client = running.client
            let id = running.simulator.instances[1].id
            let set = try await client.get("/simulator/instances/\(id)?status=PENDING", method: "POST")
            #expect(set.status == 200 && set.text.contains(#""status":"PENDING""#))
            #expect(running.simulator.instances[1].status == .pending)
            #expect(try await client.get("/simulator/instances?count=2", method: "POST").text == #"{"instances":14}"#)
            #expect(try await client.get("/simulator/instances/0", method: "DELETE").text == #"{"instances":13}"#)
            #expect(try await client.get("/simulator/instances/13", method: "DELETE").status == 404)
            #expect(try await client.get("/simulator/instances/0?status=x", method: "POST").status == 400)
            #expect(try await client.get("/simulator/instances?count=1000000", method: "POST").status == 400)
            _ = try await running.list()
            #expect(try await client.get("/simulator/requests").text == #"{"list_requests":1}"#)
            #expect(try await client.get("/simulator/faults").text == Fault.help + "\n")
            #expect(try await client.get("/simulator").text.contains("POST   /simulator/fault?kind="))
            #expect(try await running.list().body == running.sound)
        }
    }

    @Test func namesAnAddressInUse() async throws {
        try await Running.with { running in
            var configuration = SimulatorConfiguration.still()
            configuration.listenAddress = "127.0.0.1:\(running.client.port)"
            do {
                let other = try await SimulatorServer.start(configuration)
                await other.shutdown()
                Issue.record("both listen on \(running.client.port)")
            } catch {
                #expect("\(error)".contains("127.0.0.1:\(running.client.port)"))
            }
        }
    }

    @Test func runReturnsAfterShutdown() async throws {
        let simulator = try await SimulatorServer.start(.still())
        async let running: Void = simulator.run()
        await simulator.shutdown()
        try await running
    }
}
