import NIOCore
import Testing

@testable import HTTPServer

/// Deadlines and slow clients over real sockets.
@Suite struct DeadlineTests {
    private static let ok: Handler = { _ in .now(Response(status: 200, body: Body("ok"))) }

    private func limits(_ change: (inout Limits) -> Void) -> Limits {
        var limits = Limits.patient
        change(&limits)
        return limits
    }

    /// Returns the response to a client that sends `start` at once and then a byte every few milliseconds.
    ///
    /// Tries again where the server was too busy to see a byte within the deadline, which it then ends silently.
    private func answer(toDripAfter start: String, from server: Server) async throws -> Int {
        while true {
            let client = try await TestClient.connect(to: server.port)
            try? await client.send(start)
            let drip = try client.repeatedly(every: .milliseconds(5), send: "y")
            let response = await client.response()
            drip.cancel()
            if let response {
                return response.status
            }
        }
    }

    @Test(arguments: [
        "GET / HTTP/1.1\r\nHost: a\r\nX: ",
        "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 60000\r\n\r\n",
    ])
    func drippingRequestIsAnswered408(start: String) async throws {
        try await withServer(limits: limits { $0.requestDeadline = .milliseconds(50) }, handler: Self.ok) { server in
            let status = try await answer(toDripAfter: start, from: server)
            #expect(status == 408)
        }
    }

    @Test func silentConnectionIsClosed() async throws {
        try await withServer(limits: limits { $0.requestDeadline = .milliseconds(50) }, handler: Self.ok) { server in
            let client = try await TestClient.connect(to: server.port)
            #expect(await client.readToEnd() == "")
        }
    }

    @Test func idleConnectionIsClosed() async throws {
        try await withServer(limits: limits { $0.idleDeadline = .milliseconds(50) }, handler: Self.ok) { server in
            let client = try await TestClient.connect(to: server.port)
            try await client.get("/")
            #expect(await client.response()?.body == "ok")
            #expect(await client.readToEnd() == "")
        }
    }

    @Test func slowAnswerIsNotTheClientsFault() async throws {
        let limits = limits {
            $0.idleDeadline = .milliseconds(20)
            $0.writeDeadline = .milliseconds(20)
        }
        let asked = Signal()
        let mayAnswer = Signal()
        try await withServer(limits: limits) { request in
            guard request.path == "/" else { return Self.ok(request) }
            return .later {
                asked.fire()
                await mayAnswer.wait()
                return Response(status: 200, body: Body("late"))
            }
        } _: { server in
            let client = try await TestClient.connect(to: server.port)
            try await client.get("/")
            await asked.wait()
            // A deadline that begins later has its effect before the answer is there.
            let idle = try await TestClient.connect(to: server.port)
            try await idle.get("/other")
            #expect(await idle.response()?.body == "ok")
            #expect(await idle.readToEnd() == "")
            mayAnswer.fire()
            #expect(await client.response()?.body == "late")
        }
    }

    @Test func clientThatTakesNothingIsClosed() async throws {
        let body = Body([UInt8](repeating: 0x61, count: 30_000_000))
        let ended = Signal()
        try await withServer(limits: limits { $0.writeDeadline = .milliseconds(100) }) { _ in
            var response = Response(status: 200, body: body)
            response.onEnd = { ended.fire() }
            return .now(response)
        } _: { server in
            let client = try await TestClient.connect(to: server.port, reads: false)
            try await client.get("/")
            await ended.wait()
            try await client.resumeReading()
            #expect(await client.readToEnd().utf8.count < 30_000_000)
        }
    }

    /// Over both kinds of connections the client gets all of it later.
    @Test(arguments: [false, true])
    func aStallIsReportedAndTheResponseGoesOn(isEncrypted: Bool) async throws {
        let body = Body([UInt8](repeating: 0x61, count: 3_000_000))
        let stalled = Signal()
        let ended = Signal()
        let limits = limits { $0.stallNotice = .milliseconds(50) }
        try await withServer(limits: limits, security: isEncrypted ? .tls() : nil) { request in
            var response = Response(status: 200, body: request.path == "/large" ? body : Body("ok"))
            response.onStall = { stalled.fire() }
            response.onEnd = { ended.fire() }
            return .now(response)
        } _: { server in
            let client = try await TestClient.connect(
                to: server.port, reads: false, tls: isEncrypted ? .client() : nil)
            try await client.resumeReading()
            try await client.get("/")
            #expect(await client.response()?.body == "ok")
            try await client.pauseReading()
            try await client.get("/large")
            await stalled.wait()
            #expect(ended.count == 1)
            try await client.resumeReading()
            #expect(await client.response()?.body.utf8.count == 3_000_000)
            await ended.wait(count: 2)
            #expect(stalled.count == 1)
        }
    }

    @Test func slowReadersDoNotHoldUpOthers() async throws {
        let body = Body([UInt8](repeating: 0x61, count: 5_000_000))
        try await withServer { request in
            .now(Response(status: 200, body: request.path == "/large" ? body : Body("ok")))
        } _: { server in
            var slow: [TestClient] = []
            for _ in 0..<10 {
                let client = try await TestClient.connect(to: server.port, reads: false)
                try await client.get("/large")
                slow.append(client)
            }
            let client = try await TestClient.connect(to: server.port)
            try await client.get("/")
            #expect(await client.response()?.body == "ok")
            for client in slow.prefix(1) {
                try await client.resumeReading()
                #expect(await client.response()?.body.utf8.count == 5_000_000)
            }
        }
    }
}
