import Logging
import NIOCore
import NIOPosix
import NIOSSL
import NIOTLS
import Synchronization

@testable import HTTPServer

/// Something that happens once or often, and can be awaited.
final class Signal: Sendable {
    private struct State {
        var count = 0
        var waiting: [(count: Int, continuation: CheckedContinuation<Void, Never>)] = []
    }

    private let state = Mutex(State())

    var count: Int { state.withLock { $0.count } }

    func fire() {
        let ready = state.withLock { state in
            state.count += 1
            let ready = state.waiting.filter { $0.count <= state.count }
            state.waiting.removeAll { $0.count <= state.count }
            return ready.map(\.continuation)
        }
        for continuation in ready {
            continuation.resume()
        }
    }

    /// Returns when it has happened so often.
    func wait(count: Int = 1) async {
        await withCheckedContinuation { continuation in
            let isReady = state.withLock { state in
                if state.count >= count { return true }
                state.waiting.append((count, continuation))
                return false
            }
            if isReady {
                continuation.resume()
            }
        }
    }
}

/// A client of plain bytes.
final class TestClient: Sendable {
    struct Message: Equatable {
        var status: Int
        var head: String
        var body: String
    }

    private struct Inbox {
        var bytes: [UInt8] = []
        var hasEnded = false
        var negotiatedProtocol: String?
        var waiting: (isReady: @Sendable ([UInt8]) -> Bool, continuation: CheckedContinuation<Void, Never>)?
    }

    private final class Receiver: ChannelInboundHandler {
        typealias InboundIn = ByteBuffer
        let client: TestClient

        init(client: TestClient) {
            self.client = client
        }

        func channelRead(context: ChannelHandlerContext, data: NIOAny) {
            let bytes = Self.unwrapInboundIn(data)
            client.update { $0.bytes.append(contentsOf: bytes.readableBytesView) }
        }

        func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
            if let event = event as? ChannelEvent, event == .inputClosed {
                client.update { $0.hasEnded = true }
            }
            if case .handshakeCompleted(let negotiatedProtocol)? = event as? TLSUserEvent {
                client.update { $0.negotiatedProtocol = negotiatedProtocol }
            }
        }

        func errorCaught(context: ChannelHandlerContext, error: any Error) {
            context.close(promise: nil)
        }

        func channelInactive(context: ChannelHandlerContext) {
            client.update { $0.hasEnded = true }
        }
    }

    private let inbox = Mutex(Inbox())
    private let channelBox = Mutex<(any Channel)?>(nil)

    private var channel: any Channel {
        get throws {
            guard let channel = channelBox.withLock({ $0 }) else { throw ChannelError.alreadyClosed }
            return channel
        }
    }

    /// Connects; a client that does not read leaves all bytes in the sockets' small buffers.
    ///
    /// With `tls`, what is sent and received here is what is encrypted.
    static func connect(
        to port: Int, host: String = "127.0.0.1", reads: Bool = true, tls: TLSConfiguration? = nil
    ) async throws -> TestClient {
        try await connect(to: SocketAddress.makeAddressResolvingHost(host, port: port), reads: reads, tls: tls)
    }

    /// Connects to a unix socket.
    static func connect(to path: String) async throws -> TestClient {
        try await connect(to: SocketAddress(unixDomainSocketPath: path), reads: true, tls: nil)
    }

    private static func connect(
        to address: SocketAddress, reads: Bool, tls: TLSConfiguration?
    ) async throws -> TestClient {
        let client = TestClient()
        let encryption = try tls.map { try NIOSSLContext(configuration: $0) }
        var bootstrap = ClientBootstrap(group: .singletonMultiThreadedEventLoopGroup)
            .channelOption(.allowRemoteHalfClosure, value: true)
            .channelOption(.autoRead, value: reads)
            .channelInitializer { channel in
                channel.eventLoop.makeCompletedFuture {
                    if let encryption {
                        try channel.pipeline.syncOperations.addHandler(
                            NIOSSLClientHandler(context: encryption, serverHostname: "localhost"))
                    }
                    try channel.pipeline.syncOperations.addHandler(Receiver(client: client))
                }
            }
        if !reads {
            bootstrap = bootstrap.channelOption(.socketOption(.so_rcvbuf), value: 4096)
        }
        let channel = try await bootstrap.connect(to: address).get()
        client.channelBox.withLock { $0 = channel }
        return client
    }

    private func update(_ change: (inout Inbox) -> Void) {
        let continuation = inbox.withLock { inbox in
            change(&inbox)
            guard let waiting = inbox.waiting, inbox.hasEnded || waiting.isReady(inbox.bytes) else {
                return nil as CheckedContinuation<Void, Never>?
            }
            inbox.waiting = nil
            return waiting.continuation
        }
        continuation?.resume()
    }

    private func wait(_ isReady: @escaping @Sendable ([UInt8]) -> Bool) async {
        await withTaskCancellationHandler {
            await withCheckedContinuation { continuation in
                let isReady = inbox.withLock { inbox in
                    if inbox.hasEnded || isReady(inbox.bytes) { return true }
                    inbox.waiting = (isReady, continuation)
                    return false
                }
                if isReady {
                    continuation.resume()
                }
            }
        } onCancel: {
            // A test that has run out of time ends.
            update { $0.hasEnded = true }
        }
    }

    func send(_ text: String) async throws {
        try await channel.writeAndFlush(ByteBuffer(string: text))
    }

    func get(_ target: String, _ fields: String...) async throws {
        try await send("GET \(target) HTTP/1.1\r\nHost: a\r\n\(fields.map { $0 + "\r\n" }.joined())\r\n")
    }

    func closeOutput() async throws {
        try await channel.close(mode: .output)
    }

    func close() async throws {
        try await channel.close()
    }

    /// Sends this text again and again, until the task returned is cancelled or the connection ends.
    func repeatedly(every interval: TimeAmount, send text: String) throws -> RepeatedTask {
        let channel = try channel
        return channel.eventLoop.scheduleRepeatedTask(initialDelay: interval, delay: interval) { _ in
            channel.writeAndFlush(ByteBuffer(string: text), promise: nil)
        }
    }

    /// Reads once, again and again, until the task returned is cancelled: for a client that does not read by itself.
    func repeatedlyRead(every interval: TimeAmount) throws -> RepeatedTask {
        let channel = try channel
        return channel.eventLoop.scheduleRepeatedTask(initialDelay: interval, delay: interval) { _ in
            channel.read()
        }
    }

    /// The certificate that the server has shown.
    var serverCertificate: NIOSSLCertificate? {
        get async throws { try await channel.nioSSL_peerCertificate().get() }
    }

    /// The protocol that the server has chosen in the handshake; nil for none.
    var negotiatedProtocol: String? { inbox.withLock { $0.negotiatedProtocol } }

    /// Bytes that came and were not taken yet.
    var receivedCount: Int { inbox.withLock { $0.bytes.count } }

    func pauseReading() async throws {
        try await channel.setOption(.autoRead, value: false).get()
    }

    func resumeReading() async throws {
        try await channel.setOption(.autoRead, value: true).get()
    }

    /// Everything until the server closes.
    func readToEnd() async -> String {
        await wait { _ in false }
        return inbox.withLock { inbox in
            defer { inbox.bytes = [] }
            return String(decoding: inbox.bytes, as: UTF8.self)
        }
    }

    /// Waits until these bytes have come and takes everything up to their end; nil if the server closes before.
    func read(until mark: String) async -> String? {
        let mark = Array(mark.utf8)
        await wait { $0.firstRange(of: mark) != nil }
        return inbox.withLock { inbox in
            guard let range = inbox.bytes.firstRange(of: mark) else { return nil }
            defer { inbox.bytes.removeSubrange(..<range.upperBound) }
            return String(decoding: inbox.bytes[..<range.upperBound], as: UTF8.self)
        }
    }

    private func read(count: Int) async -> String? {
        await wait { $0.count >= count }
        return inbox.withLock { inbox in
            guard inbox.bytes.count >= count else { return nil }
            defer { inbox.bytes.removeFirst(count) }
            return String(decoding: inbox.bytes[..<count], as: UTF8.self)
        }
    }

    /// A response with a length, or its head alone; nil if the server closes before it is complete.
    func response(hasBody: Bool = true) async -> Message? {
        guard let head = await read(until: "\r\n\r\n"), let status = head.split(separator: " ").dropFirst().first,
            let status = Int(status)
        else { return nil }
        let length = head.split(separator: "\r\n").first { $0.hasPrefix("Content-Length: ") }
        guard hasBody, let length = length.flatMap({ Int($0.dropFirst(16)) }) else {
            return Message(status: status, head: head, body: "")
        }
        return await read(count: length).map { Message(status: status, head: head, body: $0) }
    }
}

/// A refusal of requests by their head; `nil` lets them pass.
typealias Refusal = @Sendable (Request) -> Response?

/// A handler that refuses some requests by their head, and passes on all others once their body has been read.
private func handling(_ refusal: @escaping Refusal, _ handler: @escaping Handler) -> Handler {
    { request in
        if let response = refusal(request) { return .now(response) }
        return request.awaitsBody ? .afterBody : handler(request)
    }
}

extension Server {
    var port: Int { addresses[0].port }

    /// A server on a free port of the loopback.
    convenience init(
        limits: Limits = .patient, security: LiveSecurity? = nil, refusal: @escaping Refusal = { _ in nil },
        _ handler: @escaping Handler
    ) async throws {
        var configuration = ServerConfiguration(addresses: [try ListenAddress("127.0.0.1:0")], limits: limits)
        configuration.security = security
        try await self.init(configuration, logger: .silent, handler: handling(refusal, handler))
    }
}

extension ConnectionPipeline {
    /// A pipeline without TLS and passwords.
    init(limits: Limits, refusal: @escaping Refusal = { _ in nil }, handler: @escaping Handler) {
        self.init(limits: limits, security: nil, handler: handling(refusal, handler), logger: .silent)
    }
}

extension Limits {
    /// The defaults, but with so much time that a busy machine breaks no test that is not about time.
    static var patient: Limits {
        var limits = Limits()
        limits.requestDeadline = .seconds(300)
        limits.writeDeadline = .seconds(300)
        limits.drainDeadline = .seconds(60)
        return limits
    }
}

extension Logger {
    static let silent = Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }
}

/// Runs a server while `body` runs, and shuts it down without grace.
func withServer(
    limits: Limits = .patient, security: LiveSecurity? = nil, refusal: @escaping Refusal = { _ in nil },
    handler: @escaping Handler, _ body: (Server) async throws -> Void
) async throws {
    let server = try await Server(limits: limits, security: security, refusal: refusal, handler)
    do {
        try await body(server)
    } catch {
        await server.shutdown(grace: .zero)
        throw error
    }
    await server.shutdown(grace: .zero)
}
