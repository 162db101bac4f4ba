import NIOCore
import NIOHPACK
import NIOHTTP2
import NIOPosix
import NIOSSL
import Synchronization
import Testing

@testable import HTTPServer

/// Requests of HTTP/2 over real sockets.
@Suite struct HTTP2Tests {
    private static let ok: Handler = { _ in .now(Response(status: 200, body: Body("ok"))) }

    private func limits(_ change: (inout Limits) -> Void) -> Limits {
        var limits = Limits.patient
        change(&limits)
        return limits
    }

    @Test func requestsAreAnsweredAsOverHTTP1() async throws {
        let large = Body([UInt8](repeating: 0x61, count: 3_000_000))
        try await withServer(security: .tls()) { request in
            switch request.path {
            case "/echo":
                .now(
                    Response(status: 200, body: Body("\(request.method) \(request.query ?? "") ") + Body(request.body)))
            case "/host": .now(Response(status: 200, body: Body(request.headers["Host"] ?? "")))
            case "/large": .now(Response(status: 200, headers: ["X-Large": "yes"], body: large))
            case "/later": .later { Response(status: 200, body: Body("late")) }
            case "/stream":
                .now(
                    Response(
                        status: 200,
                        body: .stream(length: nil) { writer in
                            for _ in 0..<3 { try await writer.write("hello") }
                        }))
            case "/counted":
                .now(Response(status: 200, body: .stream(length: 5) { try await $0.write("hello") }))
            case "/empty": .now(Response(status: 204))
            default: .now(Response(status: 404, headers: ["Connection": "close"], body: Body("no such page")))
            }
        } _: { server in
            let client = try await HTTP2Client.connect(to: server.port)
            let echo = try await client.request("POST", "/echo?a=b", body: "hello")
            #expect(echo.body == "POST a=b hello")
            #expect(echo.fields["content-length"] == "14")
            #expect(echo.fields["date"]?.hasSuffix(" GMT") == true)
            let host = try await client.request("GET", "/host")
            #expect(host.body == "localhost")
            let whole = try await client.request("GET", "/large")
            #expect(whole.body.utf8.count == 3_000_000)
            #expect(whole.fields["x-large"] == "yes")
            let head = try await client.request("HEAD", "/large")
            #expect(head.body == "" && head.fields["content-length"] == "3000000")
            let late = try await client.request("GET", "/later")
            #expect(late.body == "late")
            let streamed = try await client.request("GET", "/stream")
            #expect(streamed.body == "hellohellohello" && streamed.fields["content-length"] == nil)
            let counted = try await client.request("GET", "/counted")
            #expect(counted.body == "hello" && counted.fields["content-length"] == "5")
            let empty = try await client.request("GET", "/empty")
            #expect(empty.status == 204 && empty.fields["content-length"] == nil)
            let missing = try await client.request("GET", "/nowhere")
            #expect(missing.status == 404 && missing.fields["connection"] == nil)
        }
    }

    @Test func manyRequestsGoOnAtOnce() async throws {
        let asked = Signal()
        let mayAnswer = Signal()
        try await withServer(security: .tls()) { request in
            .later {
                asked.fire()
                await mayAnswer.wait()
                return Response(status: 200, body: Body(request.path))
            }
        } _: { server in
            let client = try await HTTP2Client.connect(to: server.port)
            try await withThrowingTaskGroup(of: Bool.self) { group in
                for number in 0..<50 {
                    group.addTask { try await client.request("GET", "/\(number)").body == "/\(number)" }
                }
                await asked.wait(count: 50)
                mayAnswer.fire()
                for try await isRight in group {
                    #expect(isRight)
                }
            }
        }
    }

    @Test func onlyIfItIsWanted() async throws {
        var settings = WebSecurity.tls()
        settings.http2 = false
        let live = try LiveSecurity(settings, logger: .silent)
        try await withServer(security: live, handler: Self.ok) { server in
            let offering = TLSConfiguration.offering("h2", "http/1.1")
            let first = try await TestClient.connect(to: server.port, tls: offering)
            try await first.get("/")
            #expect(await first.response()?.body == "ok")
            settings.http2 = true
            try live.replace(with: settings)
            let second = try await HTTP2Client.connect(to: server.port)
            let response = try await second.request("GET", "/")
            #expect(response.body == "ok")
        }
    }

    @Test func passwordsHeadersAndRatesHoldHereToo() async throws {
        var settings = WebSecurity.tls()
        settings.users = ["prometheus": "$2y$04$abcdefghijklmnopqrstuu2r9OfJnfCsdneAXAGHnS4UpFFP8WIrW"]
        settings.headers = [.init("X-Frame-Options", "deny")]
        settings.rateLimit = RequestRateLimit(interval: .seconds(3600), burst: 2)
        try await withServer(security: LiveSecurity(settings, logger: .silent), handler: Self.ok) { server in
            let client = try await HTTP2Client.connect(to: server.port)
            let refused = try await client.request("GET", "/")
            #expect(refused.status == 401 && refused.body == "Unauthorized\n")
            #expect(refused.fields["www-authenticate"] == "Basic" && refused.fields["x-frame-options"] == "deny")
            let served = try await client.request(
                "GET", "/", ["authorization": "Basic cHJvbWV0aGV1czpzZWNyZXQ="])
            #expect(served.body == "ok" && served.fields["x-frame-options"] == "deny")
            let third = try await client.request("GET", "/")
            #expect(third.status == 429)
        }
    }

    // MARK: - Limits

    @Test func tooLargeABodyIsRefused() async throws {
        try await withServer(limits: limits { $0.bodyBytes = 1000 }, security: .tls(), handler: Self.ok) { server in
            let client = try await HTTP2Client.connect(to: server.port)
            let counted = try await client.request(
                "POST", "/", ["content-length": "2000"], body: String(repeating: "x", count: 2000))
            #expect(counted.status == 413)
            let uncounted = try await client.request("POST", "/", body: String(repeating: "x", count: 2000))
            #expect(uncounted.status == 413)
            let small = try await client.request("POST", "/", body: "x")
            #expect(small.status == 200)
        }
    }

    @Test func tooManyFieldsAreRefused() async throws {
        try await withServer(limits: limits { $0.headerCount = 20 }, security: .tls(), handler: Self.ok) { server in
            let client = try await HTTP2Client.connect(to: server.port)
            let fields = Dictionary(uniqueKeysWithValues: (0..<30).map { ("x-\($0)", "y") })
            let response = try await client.request("GET", "/", fields)
            #expect(response.status == 431)
        }
    }

    @Test func tooLargeAHeadEndsTheConnection() async throws {
        try await withServer(security: .tls(), handler: Self.ok) { server in
            let client = try await HTTP2Client.connect(to: server.port)
            await #expect(throws: (any Error).self) {
                _ = try await client.request("GET", "/", ["x": String(repeating: "y", count: 40_000)])
            }
            await client.untilClosed()
        }
    }

    @Test func aRequestThatDoesNotComeInFullIsAnswered408() async throws {
        let limits = limits { $0.requestDeadline = .milliseconds(100) }
        try await withServer(limits: limits, security: .tls(), handler: Self.ok) { server in
            // Tried again where the machine was too busy to bring the request to its stream within the deadline.
            var response: HTTP2Client.Message?
            while response == nil {
                response = try? await HTTP2Client.connect(to: server.port).request("POST", "/", body: nil)
            }
            #expect(response?.status == 408)
        }
    }

    @Test func anIdleConnectionIsClosed() async throws {
        let limits = limits { $0.idleDeadline = .milliseconds(50) }
        try await withServer(limits: limits, security: .tls(), handler: Self.ok) { server in
            let client = try await HTTP2Client.connect(to: server.port)
            let response = try await client.request("GET", "/")
            #expect(response.body == "ok")
            await client.untilClosed()
        }
    }

    @Test func aConnectionWithoutARequestIsClosed() async throws {
        let limits = limits { $0.requestDeadline = .milliseconds(200) }
        try await withServer(limits: limits, security: .tls(), handler: Self.ok) { server in
            let client = try await HTTP2Client.connect(to: server.port)
            await client.untilClosed()
        }
    }

    @Test func aStreamWhoseBytesAreNotTakenEnds() async throws {
        let body = Body([UInt8](repeating: 0x61, count: 3_000_000))
        let ended = Signal()
        let limits = limits { $0.writeDeadline = .milliseconds(100) }
        try await withServer(limits: limits, security: .tls()) { request in
            guard request.path == "/large" else { return .now(Response(status: 200, body: Body("ok"))) }
            var response = Response(status: 200, body: body)
            response.onEnd = { ended.fire() }
            return .now(response)
        } _: { server in
            // Its window is not widened, so that the stream stalls and the connection does not.
            let client = try await HTTP2Client.connect(to: server.port)
            await #expect(throws: (any Error).self) {
                _ = try await client.request("GET", "/large", reads: false)
            }
            await ended.wait()
        }
    }

    @Test func resetsInRapidSuccessionEndTheConnection() async throws {
        let mayAnswer = Signal()
        try await withServer(security: .tls()) { _ in
            .later {
                await mayAnswer.wait()
                return Response(status: 200)
            }
        } _: { server in
            let client = try await HTTP2Client.connect(to: server.port)
            for _ in 0..<1000 {
                try? await client.requestAndReset()
            }
            await client.untilClosed()
            mayAnswer.fire()
        }
    }

    // MARK: - Ends

    @Test func failureResetsTheStream() async throws {
        struct Failure: Error {}
        try await withServer(security: .tls()) { request in
            switch request.path {
            case "/failing":
                .now(
                    Response(
                        status: 200,
                        body: .stream(length: nil) { writer in
                            try await writer.write("hello")
                            throw Failure()
                        }))
            case "/drop": .now(.drop)
            default: .now(Response(status: 200, body: Body("ok")))
            }
        } _: { server in
            let client = try await HTTP2Client.connect(to: server.port)
            for path in ["/failing", "/drop"] {
                await #expect(throws: (any Error).self) { _ = try await client.request("GET", path) }
            }
            let response = try await client.request("GET", "/")
            #expect(response.body == "ok")
        }
    }

    @Test func aClientThatLeavesCancelsItsRequests() async throws {
        let asked = Signal()
        let cancelled = Signal()
        try await withServer(security: .tls()) { _ in
            .later {
                asked.fire()
                try? await Task.sleep(for: .seconds(3600))
                cancelled.fire()
                return Response(status: 200)
            }
        } _: { server in
            let client = try await HTTP2Client.connect(to: server.port)
            async let response = try? client.request("GET", "/")
            await asked.wait()
            try await client.close()
            await cancelled.wait()
            _ = await response
        }
    }

    @Test func shutdownAnswersWhatIsInFlight() async throws {
        let asked = Signal()
        let mayAnswer = Signal()
        let server = try await Server.start(security: try .tls()) { request in
            request.path == "/"
                ? .now(Response(status: 200))
                : .later {
                    asked.fire()
                    await mayAnswer.wait()
                    return Response(status: 200, body: Body([UInt8](repeating: 0x61, count: 3_000_000)))
                }
        }
        let idle = try await HTTP2Client.connect(to: server.port)
        _ = try await idle.request("GET", "/")
        let busy = try await HTTP2Client.connect(to: server.port)
        async let response = busy.request("GET", "/slow")
        await asked.wait()
        async let shutdown: Void = server.shutdown(grace: .seconds(60))
        await idle.untilClosed()
        mayAnswer.fire()
        let body = try await response.body
        #expect(body.utf8.count == 3_000_000)
        await busy.untilClosed()
        await shutdown
    }

    @Test func graceEnds() async throws {
        let asked = Signal()
        let server = try await Server.start(security: try .tls()) { _ in
            .later {
                asked.fire()
                try? await Task.sleep(for: .seconds(3600))
                return Response(status: 200)
            }
        }
        let client = try await HTTP2Client.connect(to: server.port)
        async let response = try? client.request("GET", "/")
        await asked.wait()
        await server.shutdown(grace: .milliseconds(20))
        await client.untilClosed()
        _ = await response
    }
}

extension TLSConfiguration {
    static func offering(_ protocols: String...) -> TLSConfiguration {
        client { $0.applicationProtocols = protocols }
    }
}

/// A client of HTTP/2 with one connection.
struct HTTP2Client: Sendable {
    struct Message: Sendable {
        var status = 0
        var fields: [String: String] = [:]
        var body = ""
    }

    struct Incomplete: Error {}

    /// Collects the response of one stream.
    private final class Receiver: ChannelInboundHandler {
        typealias InboundIn = HTTP2Frame.FramePayload

        private var message = Message()
        private var bytes: [UInt8] = []
        private var promise: EventLoopPromise<Message>?

        init(_ promise: EventLoopPromise<Message>) {
            self.promise = promise
        }

        func channelRead(context: ChannelHandlerContext, data: NIOAny) {
            var isEnd = false
            switch Self.unwrapInboundIn(data) {
            case .headers(let block):
                for (name, value, _) in block.headers {
                    message.fields[name] = value
                }
                isEnd = block.endStream
            case .data(let block):
                if case .byteBuffer(let buffer) = block.data {
                    bytes.append(contentsOf: buffer.readableBytesView)
                }
                isEnd = block.endStream
            default:
                break
            }
            if isEnd {
                message.status = Int(message.fields[":status"] ?? "") ?? 0
                message.body = String(decoding: bytes, as: UTF8.self)
                promise?.succeed(message)
                promise = nil
            }
        }

        func errorCaught(context: ChannelHandlerContext, error: any Error) {
            context.close(promise: nil)
        }

        func channelInactive(context: ChannelHandlerContext) {
            promise?.fail(Incomplete())
            promise = nil
        }
    }

    private final class Closer: ChannelInboundHandler {
        typealias InboundIn = HTTP2Frame

        func errorCaught(context: ChannelHandlerContext, error: any Error) {
            context.close(promise: nil)
        }
    }

    private let channel: any Channel
    private let streams: NIOHTTP2Handler.StreamMultiplexer

    static func connect(to port: Int) async throws -> HTTP2Client {
        let encryption = try NIOSSLContext(configuration: .offering("h2"))
        let (channel, streams) = try await ClientBootstrap(group: .singletonMultiThreadedEventLoopGroup)
            .connect(host: "127.0.0.1", port: port) { channel in
                channel.eventLoop.makeCompletedFuture {
                    let pipeline = channel.pipeline.syncOperations
                    try pipeline.addHandler(NIOSSLClientHandler(context: encryption, serverHostname: "localhost"))
                    let streams = try pipeline.configureHTTP2Pipeline(
                        mode: .client, connectionConfiguration: .init(), streamConfiguration: .init()
                    ) { $0.close() }
                    try pipeline.addHandler(Closer())
                    return (channel, streams)
                }
            }
        return HTTP2Client(channel: channel, streams: streams)
    }

    /// The response; throws where the stream ends before it. Without a body the request is left unfinished.
    func request(
        _ method: String, _ target: String, _ fields: [String: String] = [:], body: String? = "", reads: Bool = true
    ) async throws -> Message {
        let promise = channel.eventLoop.makePromise(of: Message.self)
        let stream: any Channel
        do {
            stream = try await open { try $0.pipeline.syncOperations.addHandler(Receiver(promise)) }
        } catch {
            promise.fail(error)
            throw error
        }
        if !reads {
            try await stream.setOption(.autoRead, value: false).get()
        }
        var head = HPACKHeaders([
            (":method", method), (":path", target), (":scheme", "https"), (":authority", "localhost"),
        ])
        for (name, value) in fields {
            head.add(name: name, value: value)
        }
        let endsAtOnce = body?.isEmpty == true
        stream.writeAndFlush(
            HTTP2Frame.FramePayload.headers(.init(headers: head, endStream: endsAtOnce)), promise: nil)
        if let body, !endsAtOnce {
            stream.writeAndFlush(
                HTTP2Frame.FramePayload.data(.init(data: .byteBuffer(ByteBuffer(string: body)), endStream: true)),
                promise: nil)
        }
        return try await promise.futureResult.get()
    }

    /// Asks, and takes it back at once.
    func requestAndReset() async throws {
        let stream = try await open { _ in }
        let head = HPACKHeaders([
            (":method", "GET"), (":path", "/"), (":scheme", "https"), (":authority", "localhost"),
        ])
        try await stream.writeAndFlush(HTTP2Frame.FramePayload.headers(.init(headers: head, endStream: true)))
        try await stream.writeAndFlush(HTTP2Frame.FramePayload.rstStream(.cancel))
    }

    private func open(_ initialize: @escaping @Sendable (any Channel) throws -> Void) async throws -> any Channel {
        let promise = channel.eventLoop.makePromise(of: (any Channel).self)
        streams.createStreamChannel(promise: promise) { stream in
            stream.eventLoop.makeCompletedFuture { try initialize(stream) }
        }
        return try await promise.futureResult.get()
    }

    func close() async throws {
        try await channel.close()
    }

    /// Returns when the server has closed the connection.
    func untilClosed() async {
        try? await channel.closeFuture.get()
    }
}
