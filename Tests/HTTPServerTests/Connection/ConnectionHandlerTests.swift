import Logging
import NIOCore
import NIOEmbedded
import Testing

@testable import HTTPServer

@Suite struct ConnectionHandlerTests {
    private static let body = Body("hello")

    private func connect(
        limits: Limits = Limits(), handler: @escaping Handler = { .now(ok($0)) },
        refusal: @escaping Refusal = { _ in nil }
    ) throws -> EmbeddedChannel {
        let channel = EmbeddedChannel()
        let pipeline = ConnectionPipeline(limits: limits, refusal: refusal, handler: handler)
        try pipeline.configure(channel, among: EventLoopConnections(on: channel.eventLoop) { 0 })
        try channel.connect(to: SocketAddress(ipAddress: "127.0.0.1", port: 1)).wait()
        return channel
    }

    private static func ok(_ request: Request) -> Response {
        Response(status: 200, headers: ["Path": request.path], body: body)
    }

    private func output(_ channel: EmbeddedChannel) throws -> String {
        var text = ""
        while let bytes = try channel.readOutbound(as: ByteBuffer.self) {
            text += String(buffer: bytes)
        }
        return text
    }

    @Test func answersInOneGo() throws {
        let channel = try connect()
        try channel.writeInbound(ByteBuffer(string: "GET /a HTTP/1.1\r\nHost: a\r\n\r\n"))
        #expect(
            try output(channel)
                == "HTTP/1.1 200 OK\r\nDate: Thu, 01 Jan 1970 00:00:00 GMT\r\nPath: /a\r\nContent-Length: 5\r\n\r\nhello"
        )
        #expect(channel.isActive)
        _ = try channel.finish()
    }

    @Test func theBodyIsNotCopied() throws {
        let shared = Body(String(repeating: "x", count: 100_000)) + Body("y")
        let channel = try connect { _ in .now(Response(status: 200, body: shared)) }
        for _ in 0..<2 {
            try channel.writeInbound(ByteBuffer(string: "GET / HTTP/1.1\r\nHost: a\r\n\r\n"))
            _ = try channel.readOutbound(as: ByteBuffer.self)
            for segment in shared.parts.map({ $0.bytes() }) {
                let sent = try #require(try channel.readOutbound(as: ByteBuffer.self))
                let address = sent.withUnsafeReadableBytes { $0.baseAddress }
                #expect(segment.withUnsafeReadableBytes { $0.baseAddress } == address)
                #expect(sent == segment)
            }
        }
        _ = try channel.finish()
    }

    private static let head = "Host: a\r\n"

    @Test(arguments: [
        ("GET / HTTP/1.1\r\n\r\n", 400),
        ("nonsense\r\n\r\n", 400),
        ("\u{16}\u{3}\u{1}", 400),
        ("GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n", 400),
        ("GET / HTTP/1.1\r\n\(head)A B: c\r\n\r\n", 400),
        ("GET / HTTP/1.1\r\n\(head)A : c\r\n\r\n", 400),
        ("GET / HTTP/1.1\r\n\(head): c\r\n\r\n", 400),
        ("GET / HTTP/1.1\r\n\(head)A: b\0c\r\n\r\n", 400),
        ("GET / HTTP/1.1\r\n\(head)A: b\u{7f}c\r\n\r\n", 400),
        ("GET / HTTP/1.1\r\n\(head)A: b\r\n c\r\n\r\n", 400),
        ("GET /ö HTTP/1.1\r\n\(head)\r\n", 400),
        ("GET * HTTP/1.1\r\n\(head)\r\n", 400),
        ("GET a:80 HTTP/1.1\r\n\(head)\r\n", 400),
        ("GET metrics HTTP/1.1\r\n\(head)\r\n", 400),
        ("GET ftp://a/ HTTP/1.1\r\n\(head)\r\n", 400),
        ("GET http:///metrics HTTP/1.1\r\n\(head)\r\n", 400),
        ("CONNECT /a HTTP/1.1\r\n\(head)\r\n", 400),
        ("get / HTTP/1.1\r\n\(head)\r\n", 400),
        (" GET / HTTP/1.1\r\n\(head)\r\n", 400),
        ("GET\t/\tHTTP/1.1\r\n\(head)\r\n", 400),
        ("GET /\r\n\r\n", 505),
        ("GET / HTTP/1.1\r\nHost: a\nA: b\r\n\r\n", 400),
        ("GET / HTTP/1.1\r\n\(head)A: b\rc\r\n\r\n", 400),
        ("GET / HTTP/1.1\r\n A: b\r\n\(head)\r\n", 400),
        ("GET / HTTP/1.1\r\nHost: a b\r\n\r\n", 400),
        ("GET / HTTP/1.1\r\nHost: a, b\r\n\r\n", 400),
        ("GET / HTTP/1.1\r\nHost: u@a\r\n\r\n", 400),
        ("GET / HTTP/1.1\r\n\(head)Content-Length: +1\r\n\r\nx", 400),
        ("GET / HTTP/1.1\r\n\(head)Content-Length: 1, 1\r\n\r\nx", 400),
        ("GET / HTTP/1.1\r\n\(head)Content-Length:\r\n\r\n", 400),
        ("POST / HTTP/1.1\r\n\(head)Transfer-Encoding: chunked\r\n\r\n0x1\r\nx\r\n0\r\n\r\n", 400),
        ("POST / HTTP/1.1\r\n\(head)Transfer-Encoding: chunked\r\n\r\n1\nx\n0\n\n", 400),
        ("POST / HTTP/1.1\r\n\(head)Transfer-Encoding: chunked, chunked\r\n\r\n0\r\n\r\n", 400),
        ("POST / HTTP/1.1\r\n\(head)Expect: tea\r\nExpect: 100-continue\r\n\r\n", 417),
        ("GET / HTTP/1.1\r\n\(head)Content-Length: 1\r\nContent-Length: 2\r\n\r\n", 400),
        ("GET / HTTP/1.1\r\n\(head)Content-Length: -1\r\n\r\n", 400),
        ("GET / HTTP/1.1\r\n\(head)Content-Length: 99999999999999999999\r\n\r\n", 400),
        ("GET / HTTP/1.1\r\n\(head)Content-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n", 400),
        ("GET / HTTP/1.1\r\n\(head)Transfer-Encoding: chunked\r\nContent-Length: 1\r\n\r\n", 400),
        ("POST / HTTP/1.1\r\n\(head)Transfer-Encoding: chunked\r\n\r\nxyz\r\n", 400),
        ("POST / HTTP/1.1\r\n\(head)Transfer-Encoding: gzip\r\n\r\n", 501),
        ("POST / HTTP/1.1\r\n\(head)Transfer-Encoding: gzip, chunked\r\n\r\n", 501),
        ("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 505),
        ("GET / HTTP/1.2\r\n\(head)\r\n", 505),
        ("GET / HTTP/3.0\r\n\(head)\r\n", 505),
        ("POST / HTTP/1.1\r\n\(head)Content-Length: 65537\r\n\r\n", 413),
        ("POST / HTTP/1.1\r\n\(head)Expect: 100-continue\r\nContent-Length: 65537\r\n\r\n", 413),
        ("POST / HTTP/1.1\r\n\(head)Expect: tea\r\n\r\n", 417),
        ("GET /\(String(repeating: "a", count: 17_000)) HTTP/1.1\r\n\(head)\r\n", 431),
        ("GET / HTTP/1.1\r\n\(head)A: \(String(repeating: "a", count: 17_000))\r\n\r\n", 431),
        ("GET / HTTP/1.1\r\n\(head)\(String(repeating: "A: b\r\n", count: 100))\r\n", 431),
        (
            "GET / HTTP/1.1\r\n\(head)\(String(repeating: "A: \(String(repeating: "b", count: 400))\r\n", count: 50))\r\n",
            431
        ),
        ("GET / HTTP/1.1\r\n\(head)A:\(String(repeating: " ", count: 40_000))", 431),
    ])
    func refused(bytes: String, status: Int) throws {
        let served = Signal()
        let channel = try connect {
            served.fire()
            return .now(Self.ok($0))
        }
        try channel.writeInbound(ByteBuffer(string: bytes))
        let answer = try output(channel)
        #expect(answer.hasPrefix("HTTP/1.1 \(status) "), "\(answer)")
        #expect(answer.contains("Connection: close\r\n"))
        #expect(answer.components(of: "HTTP/1.1") == 1)
        #expect(!answer.contains("aaa"))
        // The bytes that follow are neither read as a request nor answered.
        _ = try? channel.writeInbound(ByteBuffer(string: "GET / HTTP/1.1\r\n\(Self.head)\r\n"))
        #expect(try output(channel) == "")
        #expect(served.count == 0)
        _ = try? channel.finish()
    }

    @Test func goodRequestsBeforeABadOneAreAnswered() throws {
        let channel = try connect()
        try channel.writeInbound(ByteBuffer(string: "GET /a HTTP/1.1\r\nHost: a\r\n\r\nGET / HTTP/9.9\r\n\r\n"))
        let answer = try output(channel)
        #expect(answer.hasPrefix("HTTP/1.1 200 OK"))
        #expect(answer.contains("HTTP/1.1 505 "))
        _ = try? channel.finish()
    }

    @Test func requestDeadlineIsAnsweredOrSilent() throws {
        let silent = try connect()
        silent.embeddedEventLoop.advanceTime(by: .seconds(10))
        #expect(!silent.isActive)
        #expect(try output(silent) == "")

        let dripping = try connect()
        for byte in "GET / HTT" {
            try dripping.writeInbound(ByteBuffer(string: String(byte)))
            dripping.embeddedEventLoop.advanceTime(by: .seconds(1))
        }
        #expect(try output(dripping) == "")
        dripping.embeddedEventLoop.advanceTime(by: .seconds(1))
        #expect(try output(dripping).hasPrefix("HTTP/1.1 408 "))
        _ = try? dripping.finish()
    }

    @Test func idleDeadlineFollowsTheLastResponse() throws {
        let channel = try connect()
        for _ in 0..<3 {
            channel.embeddedEventLoop.advanceTime(by: .seconds(9))
            try channel.writeInbound(ByteBuffer(string: "GET / HTTP/1.1\r\nHost: a\r\n\r\n"))
        }
        channel.embeddedEventLoop.advanceTime(by: .seconds(119))
        #expect(channel.isActive)
        channel.embeddedEventLoop.advanceTime(by: .seconds(1))
        #expect(!channel.isActive)
        _ = try? channel.finish()
    }

    /// An idle connection's timer is late; the next request's deadline must still be kept.
    @Test func requestDeadlineHoldsAfterAnIdleTime() throws {
        let channel = try connect()
        try channel.writeInbound(ByteBuffer(string: "GET / HTTP/1.1\r\nHost: a\r\n\r\n"))
        channel.embeddedEventLoop.advanceTime(by: .seconds(60))
        _ = try output(channel)
        try channel.writeInbound(ByteBuffer(string: "GET"))
        channel.embeddedEventLoop.advanceTime(by: .seconds(9))
        #expect(try output(channel) == "")
        channel.embeddedEventLoop.advanceTime(by: .seconds(1))
        #expect(try output(channel).hasPrefix("HTTP/1.1 408 "))
        _ = try? channel.finish()
    }

    @Test func expectContinueIsAnswered() throws {
        let channel = try connect()
        try channel.writeInbound(
            ByteBuffer(string: "POST / HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 2\r\n\r\n"))
        #expect(try output(channel) == "HTTP/1.1 100 Continue\r\n\r\n")
        try channel.writeInbound(ByteBuffer(string: "ok"))
        #expect(try output(channel).hasSuffix("\r\n\r\nhello"))
        _ = try channel.finish()
    }

    @Test(arguments: [
        "Content-Length: 9\r\nExpect: 100-continue\r\n\r\n", "Content-Length: 60000\r\n\r\nhello",
        "Transfer-Encoding: chunked\r\n\r\n", "Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\nGET /",
    ])
    func aRefusedRequestIsAnsweredByItsHead(rest: String) throws {
        let channel = try connect(refusal: { _ in Response(status: 405) })
        try channel.writeInbound(ByteBuffer(string: "POST / HTTP/1.1\r\nHost: a\r\n\(rest)"))
        let answer = try output(channel)
        #expect(answer.hasPrefix("HTTP/1.1 405 ") && answer.contains("\r\nConnection: close\r\n"))
        #expect(answer.components(of: "HTTP/1.1") == 1)
        _ = try? channel.finish(acceptAlreadyClosed: true)
    }

    @Test func requestsAfterARefusalWithoutABodyAreAnswered() throws {
        let channel = try connect(refusal: { $0.path == "/a" ? nil : Response(status: 404) })
        try channel.writeInbound(
            ByteBuffer(
                string: "GET /x HTTP/1.1\r\nHost: a\r\n\r\nGET /a HTTP/1.1\r\nHost: a\r\n\r\n"
                    + "POST /a HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\nokGET /y HTTP/1.1\r\nHost: a\r\n\r\n"))
        let answer = try output(channel)
        #expect(answer.components(of: "HTTP/1.1 404 ") == 2 && answer.components(of: "HTTP/1.1 200 ") == 2)
        #expect(!answer.contains("Connection: close") && channel.isActive)
        _ = try channel.finish()
    }

    /// Later requests wait as bytes, and only so many of them.
    @Test func inputIsHeldAndLimitedWhileAnswering() throws {
        let requests = Signal()
        let channel = try connect { _ in
            requests.fire()
            return .later {
                // For ever: an embedded event loop must not be touched from the task's thread, not even at its end.
                await withUnsafeContinuation { (_: UnsafeContinuation<Void, Never>) in }
                return Response(status: 200)
            }
        }
        let request = ByteBuffer(string: "GET / HTTP/1.1\r\nHost: a\r\n\r\n")
        for _ in 0..<20_000 {
            try channel.writeInbound(request)
        }
        #expect(requests.count == 1)
        let buffer = try channel.pipeline.syncOperations.handler(type: InputBufferHandler.self)
        #expect(buffer.heldBytes <= InputBufferHandler.capacity)
        #expect(buffer.heldBytes > InputBufferHandler.capacity - request.readableBytes)
        _ = try? channel.finish()
    }
}

extension String {
    fileprivate func components(of part: String) -> Int {
        var count = 0
        var rest = self[...]
        while let range = rest.firstRange(of: part) {
            count += 1
            rest = rest[range.upperBound...]
        }
        return count
    }
}
