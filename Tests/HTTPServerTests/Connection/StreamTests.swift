import NIOCore
import Testing

@testable import HTTPServer

/// Bodies made while they are sent, over real sockets.
@Suite struct StreamTests {
    private struct Failure: Error {}

    private func responding(
        length: Int?, _ produce: @escaping @Sendable (BodyWriter) async throws -> Void
    ) -> Handler {
        { _ in .now(Response(status: 200, body: .stream(length: length, produce))) }
    }

    /// What follows the head of the only response on a connection.
    private func body(of server: Server, version: String = "1.1") async throws -> String {
        let client = try await TestClient.connect(to: server.port)
        try await client.send("GET / HTTP/\(version)\r\nHost: a\r\nConnection: close\r\n\r\n")
        _ = await client.read(until: "\r\n\r\n")
        return await client.readToEnd()
    }

    @Test func unknownLengthIsChunked() async throws {
        let handler = responding(length: nil) { writer in
            try await writer.write("hello")
            try await writer.write("")
            try await writer.write([UInt8](repeating: 0x61, count: 16))
        }
        try await withServer(handler: handler) { server in
            let sent = try await body(of: server)
            #expect(sent == "5\r\nhello\r\n10\r\naaaaaaaaaaaaaaaa\r\n0\r\n\r\n")
            let old = try await body(of: server, version: "1.0")
            #expect(old == "helloaaaaaaaaaaaaaaaa")
        }
    }

    @Test func theConnectionGoesOnAfterAStream() async throws {
        let handler = responding(length: 10) { writer in
            try await writer.write("hello")
            try await writer.write("world")
        }
        try await withServer(handler: handler) { server in
            let client = try await TestClient.connect(to: server.port)
            for _ in 0..<3 {
                try await client.get("/")
                #expect(await client.response()?.body == "helloworld")
            }
        }
    }

    @Test(arguments: [nil, 100])
    func failureCutsTheBodyShort(length: Int?) async throws {
        let handler = responding(length: length) { writer in
            try await writer.write("hello")
            throw Failure()
        }
        try await withServer(handler: handler) { server in
            let sent = try await body(of: server)
            #expect(sent == (length == nil ? "5\r\nhello\r\n" : "hello"))
        }
    }

    @Test func tooShortABodyIsCutAndTooLongAWriteThrows() async throws {
        let tooLong = Signal()
        let handler = responding(length: 8) { writer in
            try await writer.write("hello")
            do {
                try await writer.write("world")
            } catch BodyWriterError.tooLong {
                tooLong.fire()
            }
        }
        try await withServer(handler: handler) { server in
            let sent = try await body(of: server)
            #expect(sent == "hello")
        }
        #expect(tooLong.count == 1)
    }

    @Test func headDoesNotProduce() async throws {
        let produced = Signal()
        let handler = responding(length: 3) { _ in produced.fire() }
        try await withServer(handler: handler) { server in
            let client = try await TestClient.connect(to: server.port)
            try await client.send("HEAD / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")
            #expect(await client.readToEnd().contains("Content-Length: 3\r\n"))
        }
        #expect(produced.count == 0)
    }

    @Test func writesWaitForTheClientAndThrowOnceItIsGone() async throws {
        let written = Signal()
        let refused = Signal()
        let handler = responding(length: nil) { writer in
            let chunk = [UInt8](repeating: 0x61, count: 1_000_000)
            do {
                while true {
                    try await writer.write(chunk)
                    written.fire()
                }
            } catch BodyWriterError.ended {
                refused.fire()
                throw BodyWriterError.ended
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

    @Test func aWriterIsOfNoUseAfterItsResponse() async throws {
        let stale = Signal()
        let (writers, keep) = AsyncStream.makeStream(of: BodyWriter.self)
        let handler = responding(length: 2) { writer in
            try await writer.write("ok")
            keep.yield(writer)
        }
        try await withServer(handler: handler) { server in
            let client = try await TestClient.connect(to: server.port)
            try await client.get("/")
            #expect(await client.response()?.body == "ok")
            for await writer in writers {
                await #expect(throws: BodyWriterError.self) { try await writer.write("more") }
                stale.fire()
                break
            }
        }
        #expect(stale.count == 1)
    }
}
