import Testing

@testable import Simulator

/// Each fault as it is seen on the wire.
@Suite struct FaultServerTests {
    private func withFault(
        _ text: String, instances: Int = 3, _ body: (Running) async throws -> Void
    ) async throws {
        try await Running.with(.still(instances)) { running in
            running.simulator.setFault(try Fault(text))
            try await body(running)
        }
    }

    @Test func aFaultIsSetCountedAndClearedByRequests() async throws {
        try await Running.with(.still()) { running in
            let client = running.client
            let set = try await client.get("/simulator/fault?kind=503&retry-after=9&count=2", method: "POST")
            #expect(set.text == #"{"fault":"status,status=503,retry-after=9,count=2"}"#)
            let faulty = try await running.list()
            #expect(faulty.status == 503 && faulty.header("Retry-After") == "9")
            #expect(faulty.text == #"{"message":"Server Error"}"#)
            let left = try await client.get("/simulator/fault").text
            #expect(left == #"{"fault":"status,status=503,retry-after=9,count=1"}"#)
            #expect(try await running.list().status == 503)
            #expect(try await running.list().status == 200)
            #expect(running.simulator.fault == nil)

            running.simulator.setFault(.status(429, rateLimitReset: "12", message: "Slow \"down\""))
            let limited = try await running.list()
            #expect(limited.header("X-RateLimit-Reset") == "12" && limited.text == #"{"message":"Slow \"down\""}"#)
            #expect(try await client.get("/simulator/fault", method: "DELETE").text == #"{"fault":null}"#)
            #expect(try await running.list().body == running.sound)
            let unknown = try await client.get("/simulator/fault?kind=explode", method: "POST")
            #expect(unknown.status == 400 && unknown.text.contains("Allowed: status, redirect"))
        }
    }

    @Test(arguments: [200, 204, 301, 400, 418, 423, 599])
    func statuses(status: Int) async throws {
        try await withFault("\(status)") { running in
            let reply = try await running.list()
            #expect(reply.status == status)
        }
    }

    /// The faults whose whole effect is another body under 200, with a Content-Length that is true.
    @Test(arguments: Fault.Kind.allCases.filter { Fault($0).body(list: Array("[]".utf8)) != nil })
    func otherBodies(kind: Fault.Kind) async throws {
        try await withFault(kind.name) { running in
            let reply = try await running.list()
            #expect(reply.status == 200)
            #expect(reply.body == Fault(kind).body(list: running.sound))
            #expect(reply.header("Content-Length") == "\(reply.body.count)")
            #expect(reply.header("Content-Type")?.hasPrefix(kind == .html ? "text/html" : "application/json") == true)
        }
    }

    @Test(arguments: ["redirect", "redirect,location=http://127.0.0.2:1/x"])
    func redirect(text: String) async throws {
        try await withFault(text) { running in
            let reply = try await running.list()
            #expect(reply.status == 302)
            #expect(reply.header("Location") == running.simulator.fault?.location ?? Fault.Kind.elsewhere)
        }
    }

    @Test func foreignNext() async throws {
        try await withFault("foreign-next,location=http://127.0.0.2:1/x") { running in
            let reply = try await running.list()
            #expect(reply.text.contains(#""next":"http:\/\/127.0.0.2:1\/x""#))
        }
    }

    @Test func close() async throws {
        try await withFault("close") { running in
            let reply = try await running.list()
            #expect(reply.bytes.isEmpty)
        }
    }

    @Test func notHTTP() async throws {
        try await withFault("not-http") { running in
            let reply = try await running.list()
            #expect(!reply.bytes.isEmpty && !reply.head.contains("HTTP/1.1"))
        }
    }

    @Test func reset() async throws {
        try await withFault("reset") { running in
            let reply = try await running.list()
            #expect(reply.header("Content-Length") == "\(running.sound.count)")
            #expect(reply.body == Array(running.sound.prefix(running.sound.count / 2)))
        }
    }

    @Test func hang() async throws {
        try await withFault("hang") { running in
            async let answer = running.list()
            while running.simulator.requestCount < 1 { try await Task.sleep(for: .milliseconds(5)) }
            await running.simulator.shutdown()
            let reply = try await answer
            #expect(reply.bytes.isEmpty)
        }
    }

    @Test func hangBody() async throws {
        try await withFault("hang-body") { running in
            let half = Array(running.sound.prefix(running.sound.count / 2))
            let simulator = running.simulator
            // Only the end of the server ends the answer, so that anything after the half would be seen.
            let reply = try await running.list(until: { reply in
                if reply.body.count >= half.count { Task { await simulator.shutdown() } }
                return false
            })
            #expect(reply.body == half)
            #expect(reply.header("Content-Length") == "\(running.sound.count)")
        }
    }

    @Test func drip() async throws {
        try await withFault("drip,interval=0.05", instances: 0) { running in
            let start = ContinuousClock.now
            let reply = try await running.list()
            #expect(reply.text == "[]")
            #expect(start.duration(to: .now) >= .milliseconds(50))
        }
    }

    @Test func lyingLengths() async throws {
        try await withFault("length-long") { running in
            let long = try await running.list()
            #expect(long.body == running.sound)
            #expect(long.header("Content-Length") == "\(running.sound.count + 1000)")
            running.simulator.setFault(Fault(.lengthShort))
            let short = try await running.list()
            #expect(short.body == running.sound)
            #expect(short.header("Content-Length") == "\(running.sound.count / 2)")
        }
    }

    @Test func chunked() async throws {
        try await withFault("chunked", instances: 10) { running in
            let reply = try await running.list()
            #expect(reply.header("Transfer-Encoding") == "chunked")
            #expect(reply.header("Content-Length") == nil)
            #expect(reply.text.hasPrefix("3e8\r\n[{\"id\"") && reply.text.hasSuffix("\r\n0\r\n\r\n"))
        }
    }

    @Test(arguments: [0, 2])
    func endless(instances: Int) async throws {
        try await withFault("endless", instances: instances) { running in
            let reply = try await running.list(until: { $0.bytes.count >= 1_000_000 })
            #expect(reply.header("Transfer-Encoding") == "chunked")
            #expect(reply.bytes.count >= 1_000_000)
            #expect(reply.text.prefix(40).contains("[{\"id\":"))
        }
    }

    @Test func endlessHeaders() async throws {
        try await withFault("endless-headers") { running in
            let reply = try await running.list(until: { $0.bytes.count >= 1_000_000 })
            #expect(reply.status == 200)
            #expect(reply.bytes.count >= 1_000_000 && reply.body.isEmpty)
        }
    }

    @Test func largeHeaders() async throws {
        try await withFault("large-headers,bytes=200000") { running in
            let reply = try await running.list()
            #expect((199_000...202_000).contains(reply.head.utf8.count))
            #expect(reply.body == running.sound)
        }
    }

    @Test func gzipBomb() async throws {
        try await withFault("gzip-bomb,bytes=100000000") { running in
            let reply = try await running.list()
            #expect(reply.header("Content-Encoding") == "gzip")
            #expect(reply.header("Content-Length") == "\(reply.body.count)")
            #expect(reply.body.starts(with: [0x1F, 0x8B]) && (95_000...105_000).contains(reply.body.count))
            #expect(try reply.body == Fault.bomb(100_000_000))
        }
    }

    @Test func connectionClose() async throws {
        try await withFault("connection-close") { running in
            let request = """
                GET /api/whatsapp/v1/instances HTTP/1.1\r
                Host: h\r
                Authorization: Bearer \(running.simulator.token)\r
                \r

                """
            // The reading ends only if the server closes, since the client asked to keep the connection.
            let reply = try await running.client.send(request)
            #expect(reply.header("Connection") == "close")
            #expect(reply.body == running.sound)
        }
    }
}
