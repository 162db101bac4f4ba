import NIOCore
import Testing

@testable import HTTPServer

/// Replies that write their own bytes, over real sockets.
@Suite struct RawReplyTests {
    private struct Failure: Error {}

    private static let head = "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n"

    @Test func bytesAreSentAsTheyAre() async throws {
        let handler: Handler = { _ in
            .raw { writer in
                try await writer.write("hello\r\n")
                try await writer.write("")
                try await writer.write([0x61, 0x62])
            }
        }
        try await withServer(handler: handler) { server in
            let client = try await TestClient.connect(to: server.port)
            try await client.get("/", "Connection: close")
            #expect(await client.readToEnd() == "hello\r\nab")
        }
    }

    @Test func aConnectionIsClosedWithoutAnAnswer() async throws {
        try await withServer(handler: { _ in .raw { _ in throw Failure() } }) { server in
            let client = try await TestClient.connect(to: server.port)
            try await client.send("HEAD / HTTP/1.1\r\nHost: a\r\n\r\n")
            #expect(await client.readToEnd() == "")
        }
    }

    @Test func theConnectionGoesOnAfterwards() async throws {
        let handler: Handler = { request in
            guard request.path == "/raw" else { return .now(Response(status: 200, body: Body("next"))) }
            return .raw { writer in
                try await writer.write(Self.head)
                try await writer.write("helloworld")
            }
        }
        try await withServer(handler: handler) { server in
            let client = try await TestClient.connect(to: server.port)
            for _ in 0..<3 {
                try await client.get("/raw")
                #expect(await client.response()?.body == "helloworld")
                try await client.get("/")
                #expect(await client.response()?.body == "next")
            }
        }
    }

    @Test func throwingClosesTheConnection() async throws {
        let handler: Handler = { _ in
            .raw { writer in
                try await writer.write(Self.head + "hello")
                throw Failure()
            }
        }
        try await withServer(handler: handler) { server in
            let client = try await TestClient.connect(to: server.port)
            try await client.get("/")
            #expect(await client.readToEnd() == Self.head + "hello")
        }
    }

    @Test func writesWaitForTheClientAndThrowOnceItIsGone() async throws {
        let written = Signal()
        let refused = Signal()
        let handler: Handler = { _ in
            .raw { writer in
                let chunk = [UInt8](repeating: 0x61, count: 1_000_000)
                do {
                    while true {
                        try await writer.write(chunk)
                        written.fire()
                    }
                } catch {
                    refused.fire()
                    throw error
                }
            }
        }
        var limits = Limits.patient
        limits.writeDeadline = .milliseconds(100)
        try await withServer(limits: limits, handler: handler) { server in
            let client = try await TestClient.connect(to: server.port, reads: false)
            try await client.get("/")
            // The write deadline ends the connection, since the writer was made to wait and not served from memory.
            await refused.wait()
            #expect(written.count < 30)
            _ = client
        }
    }

    @Test func theTaskIsCancelledWithTheConnection() async throws {
        let begun = Signal()
        let cancelled = Signal()
        let handler: Handler = { _ in
            .raw { _ in
                begun.fire()
                try? await Task.sleep(for: .seconds(3600))
                cancelled.fire()
            }
        }
        try await withServer(handler: handler) { server in
            let client = try await TestClient.connect(to: server.port)
            try await client.get("/")
            await begun.wait()
            await server.shutdown(grace: .zero)
            await cancelled.wait()
            #expect(await client.readToEnd() == "")
        }
    }
}
