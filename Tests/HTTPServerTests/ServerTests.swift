import NIOCore
import Testing

@testable import HTTPServer

/// Requests and responses over real sockets.
@Suite struct ServerTests {
    private static let echo: Handler = { request in
        .now(Response(status: 200, headers: ["Method": request.method], body: Body(request.path)))
    }

    @Test func keepAlive() async throws {
        try await withServer(handler: Self.echo) { server in
            let client = try await TestClient.connect(to: server.port)
            for path in ["/a", "/b", "/c"] {
                try await client.get(path)
                #expect(await client.response()?.body == path)
            }
            try await client.get("/d", "Connection: close")
            #expect(await client.response()?.body == "/d")
            #expect(await client.readToEnd() == "")
        }
    }

    @Test func http10ClosesUnlessAskedToStay() async throws {
        try await withServer(handler: Self.echo) { server in
            let client = try await TestClient.connect(to: server.port)
            try await client.send("GET /a HTTP/1.0\r\nConnection: keep-alive\r\n\r\n")
            #expect(await client.response()?.head.contains("Connection: keep-alive\r\n") == true)
            try await client.send("GET /b HTTP/1.0\r\n\r\n")
            #expect(await client.response()?.body == "/b")
            #expect(await client.readToEnd() == "")
        }
    }

    @Test func pipelinedRequestsAreAnsweredInOrder() async throws {
        try await withServer { request in
            let response = Response(status: 200, body: Body(request.path))
            return request.path.hasSuffix("3") ? .later { response } : .now(response)
        } _: { server in
            let client = try await TestClient.connect(to: server.port)
            let paths = (0..<1000).map { "/\($0)" }
            try await client.send(paths.map { "GET \($0) HTTP/1.1\r\nHost: a\r\n\r\n" }.joined())
            for path in paths {
                #expect(await client.response()?.body == path)
            }
        }
    }

    @Test func pipelinedLargeBodiesToAHalfClosedClient() async throws {
        let body = Body([UInt8](repeating: 0x61, count: 2_000_000))
        try await withServer { _ in
            .now(Response(status: 200, body: body))
        } _: { server in
            let client = try await TestClient.connect(to: server.port)
            try await client.send(String(repeating: "GET / HTTP/1.1\r\nHost: a\r\n\r\n", count: 5))
            try await client.closeOutput()
            for _ in 0..<5 {
                #expect(await client.response()?.body.utf8.count == 2_000_000)
            }
            #expect(await client.readToEnd() == "")
        }
    }

    @Test func halfClosedClientGetsALateResponse() async throws {
        let asked = Signal()
        let mayAnswer = Signal()
        try await withServer { _ in
            asked.fire()
            return .later {
                await mayAnswer.wait()
                return Response(status: 200, body: Body("late"))
            }
        } _: { server in
            let client = try await TestClient.connect(to: server.port)
            try await client.get("/")
            try await client.closeOutput()
            await asked.wait()
            mayAnswer.fire()
            #expect(await client.response()?.body == "late")
            #expect(await client.readToEnd() == "")
        }
    }

    @Test func headHasTheLengthAndNoBody() async throws {
        try await withServer(handler: Self.echo) { server in
            let client = try await TestClient.connect(to: server.port)
            try await client.send("HEAD /abc HTTP/1.1\r\nHost: a\r\n\r\n")
            let head = await client.response(hasBody: false)
            #expect(head?.head.contains("Content-Length: 4\r\n") == true)
            try await client.get("/next")
            #expect(await client.response()?.body == "/next")
        }
    }

    @Test func statusWithoutBodyKeepsTheConnectionInStep() async throws {
        try await withServer { request in
            .now(Response(status: Int(request.path.dropFirst()) ?? 200, body: Body("body")))
        } _: { server in
            let client = try await TestClient.connect(to: server.port)
            for status in [204, 304, 200] {
                try await client.get("/\(status)")
                let response = await client.response(hasBody: status == 200)
                #expect(response?.status == status)
                #expect(response?.head.contains("Content-Length") == (status == 200))
            }
        }
    }

    @Test func requestBodiesAreReadAndThrownAway() async throws {
        try await withServer(handler: Self.echo) { server in
            let client = try await TestClient.connect(to: server.port)
            for number in 0..<3 {
                try await client.send("GET /\(number) HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhello")
                #expect(await client.response()?.body.contains("/\(number)") == true)
                try await client.send("POST /x HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nhe\r\n")
                try await client.send("3\r\nllo\r\n0\r\n\r\n")
                #expect(await client.response()?.body.contains("/x") == true)
            }
        }
    }

    /// Fields after the last chunk (RFC 9112, section 7.1.2) are passed over, wherever the bytes are divided.
    @Test func trailersOfARequestDoNoHarm() async throws {
        let request =
            "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nhi\r\n0\r\nX: 1\r\nY: 2\r\n\r\n"
        try await withServer { _ in
            .now(Response(status: 200, body: Body("hi")))
        } _: { server in
            let client = try await TestClient.connect(to: server.port)
            for length in 1..<request.utf8.count {
                try await client.send(String(decoding: request.utf8.prefix(length), as: UTF8.self))
                try await client.send(String(decoding: request.utf8.dropFirst(length), as: UTF8.self))
                #expect(await client.response()?.body == "hi")
            }
        }
    }

    /// The limit counts what is in the chunks, not how many of them there are.
    @Test(arguments: [(60_000, 200), (70_000, 413)])
    func tinyChunksAreTaken(count: Int, status: Int) async throws {
        try await withServer(handler: Self.echo) { server in
            let client = try await TestClient.connect(to: server.port)
            let head = "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n"
            try? await client.send(head + String(repeating: "1\r\na\r\n", count: count) + "0\r\n\r\n")
            let response = await client.response()
            #expect(response?.status == status)
        }
    }

    /// The client still sends when the refusal comes; it must be able to read it nevertheless.
    @Test func refusalOfALargeUploadCanBeRead() async throws {
        try await withServer(handler: Self.echo) { server in
            let client = try await TestClient.connect(to: server.port)
            try? await client.send(
                "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 9000000\r\n\r\n"
                    + String(repeating: "x", count: 9_000_000))
            #expect(await client.response()?.status == 413)
            #expect(await client.readToEnd() == "")
        }
    }

    /// 100 KB are within what is thrown away; the rest is not taken, however much the client has.
    @Test(arguments: [100_000, 9_000_000])
    func refusalByTheHeadCanBeReadWhileTheBodyIsSent(count: Int) async throws {
        var limits = Limits.patient
        limits.lingerDeadline = .seconds(60)
        try await withServer(limits: limits, refusal: { _ in Response(status: 405) }, handler: Self.echo) { server in
            let client = try await TestClient.connect(to: server.port)
            let head = "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n\(String(count, radix: 16))\r\n"
            try? await client.send(head + String(repeating: "x", count: count))
            #expect(await client.response()?.status == 405)
            #expect(await client.readToEnd() == "")
        }
    }

    @Test func everyResponseEndsOnce() async throws {
        let ends = Signal()
        try await withServer { _ in
            var response = Response(status: 200, body: Body("x"))
            response.onEnd = { ends.fire() }
            return .now(response)
        } _: { server in
            let client = try await TestClient.connect(to: server.port)
            for count in 1...3 {
                try await client.get("/")
                _ = await client.response()
                await ends.wait(count: count)
            }
            try await client.close()
        }
        #expect(ends.count == 3)
    }

    @Test func responseMadeForAConnectionThatDiedEndsToo() async throws {
        let asked = Signal()
        let ended = Signal()
        try await withServer { _ in
            .later {
                asked.fire()
                // Ends when the connection does: its task is cancelled.
                try? await Task.sleep(for: .seconds(3600))
                var response = Response(status: 200)
                response.onEnd = { ended.fire() }
                return response
            }
        } _: { server in
            let client = try await TestClient.connect(to: server.port)
            try await client.get("/")
            await asked.wait()
            await server.shutdown(grace: .zero)
            await ended.wait()
        }
        #expect(ended.count == 1)
    }

    @Test func aThousandConnectionsAtOnce() async throws {
        try await withServer(handler: Self.echo) { server in
            let clients = try await withThrowingTaskGroup(of: TestClient.self) { group in
                for _ in 0..<1000 {
                    group.addTask { try await TestClient.connect(to: server.port) }
                }
                return try await group.reduce(into: []) { $0.append($1) }
            }
            for (number, client) in clients.enumerated() {
                try await client.get("/\(number)")
            }
            for (number, client) in clients.enumerated() {
                #expect(await client.response()?.body == "/\(number)")
            }
        }
    }
}
