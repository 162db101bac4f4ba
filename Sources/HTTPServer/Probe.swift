import NIOCore
import NIOHTTP1
import NIOPosix
import NIOSSL

#if canImport(Glibc)
    import Glibc
#else
    import Musl
#endif

/// Asks a server on this machine whether it serves: one request over a connection of its own.
public struct Probe: Sendable {
    /// Where the server listens.
    public let address: ListenAddress

    /// Whether to connect with TLS. The certificate is not verified: the name it bears is that under which others know this
    /// machine, and nothing secret is sent.
    public let usesTLS: Bool

    /// What came back.
    public enum Answer: Sendable, Equatable {
        /// A response with this status.
        case status(Int)
        /// An alert of TLS: the server encrypts, and does not let a client in that shows no certificate it knows.
        case refused
    }

    public init(_ address: ListenAddress, usesTLS: Bool) {
        self.address = address
        self.usesTLS = usesTLS
    }

    /// Sends `GET` for a path.
    ///
    /// - Throws: `ProbeError` where no answer comes within the time.
    public func ask(_ path: String, within time: Duration) async throws(ProbeError) -> Answer {
        do {
            let encryption = usesTLS ? try Self.encryption() : nil
            let group = MultiThreadedEventLoopGroup.singleton
            let answer = group.any().makePromise(of: Answer.self)
            let connecting = ClientBootstrap(group: group)
                .connectTimeout(TimeAmount(time))
                .channelInitializer { channel in
                    channel.eventLoop.makeCompletedFuture {
                        let pipeline = channel.pipeline.syncOperations
                        if let encryption {
                            try pipeline.addHandler(NIOSSLClientHandler(context: encryption, serverHostname: nil))
                        }
                        try pipeline.addHTTPClientHandlers()
                        try pipeline.addHandler(Conversation(path: path, time: TimeAmount(time), answer: answer))
                    }
                }
                .connect(to: try await Self.destination(of: address))
            connecting.whenFailure { answer.fail($0) }
            let result = try await answer.futureResult.get()
            connecting.whenSuccess { $0.close(promise: nil) }
            return result
        } catch {
            guard Self.isAlert(error) else {
                throw ProbeError(error)
            }
            return .refused
        }
    }

    /// What to connect to: the loopback where the server listens on all addresses.
    static func destination(of address: ListenAddress) async throws -> SocketAddress {
        if let path = address.path {
            return try SocketAddress(unixDomainSocketPath: path)
        }
        switch address.host {
        case "", "0.0.0.0":
            return try SocketAddress(ipAddress: "127.0.0.1", port: address.port)
        case "::":
            return try SocketAddress(ipAddress: "::1", port: address.port)
        default:
            return try await Listener.candidates(for: address)[0]
        }
    }

    private static func encryption() throws -> NIOSSLContext {
        var configuration = TLSConfiguration.makeClientConfiguration()
        configuration.certificateVerification = .none
        // The server may allow old versions only.
        configuration.minimumTLSVersion = .tlsv1
        return try NIOSSLContext(configuration: configuration)
    }

    /// Whether the other side has ended the connection in the words of TLS, which only a server of TLS does.
    private static func isAlert(_ error: any Error) -> Bool {
        error is NIOSSLError || error is BoringSSLError ? "\(error)".contains("_ALERT_") : false
    }
}

/// Why nobody answered, in words.
public struct ProbeError: Error, Equatable, CustomStringConvertible {
    public let description: String

    init(_ error: any Error) {
        switch error {
        case let error as IOError: description = Self.describe(errno: error.errnoCode)
        case let error as NIOConnectionError:
            let cause = error.connectionErrors.first.map(\.error)
            description = (cause as? IOError).map { Self.describe(errno: $0.errnoCode) } ?? "no connection"
        case ChannelError.connectTimeout, Conversation.Failure.timeout: description = "no answer in time"
        case Conversation.Failure.closed: description = "the connection was closed without an answer"
        default: description = ErrorText.describe(error)
        }
    }

    private static func describe(errno code: CInt) -> String {
        switch code {
        case ECONNREFUSED: "nobody listens there"
        case ECONNRESET: "the connection was closed without an answer"
        case ENOENT: "there is no such socket"
        default: ErrorText.describe(errno: code)
        }
    }
}

/// One request and the head of its response.
private final class Conversation: ChannelInboundHandler {
    typealias InboundIn = HTTPClientResponsePart
    typealias OutboundOut = HTTPClientRequestPart

    enum Failure: Error {
        case timeout, closed
    }

    private let path: String
    private let time: TimeAmount
    private let answer: EventLoopPromise<Probe.Answer>
    private var deadline: Scheduled<Void>?

    init(path: String, time: TimeAmount, answer: EventLoopPromise<Probe.Answer>) {
        self.path = path
        self.time = time
        self.answer = answer
    }

    func handlerAdded(context: ChannelHandlerContext) {
        let channel = context.channel
        let answer = answer
        deadline = context.eventLoop.scheduleTask(in: time) {
            answer.fail(Failure.timeout)
            channel.close(promise: nil)
        }
    }

    func handlerRemoved(context: ChannelHandlerContext) {
        deadline?.cancel()
    }

    func channelActive(context: ChannelHandlerContext) {
        let fields = HTTPHeaders([("Host", "localhost"), ("Connection", "close")])
        let head = HTTPRequestHead(version: .http1_1, method: .GET, uri: path, headers: fields)
        context.write(Self.wrapOutboundOut(.head(head)), promise: nil)
        context.writeAndFlush(Self.wrapOutboundOut(.end(nil)), promise: nil)
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        if case .head(let head) = Self.unwrapInboundIn(data), head.status.code >= 200 {
            answer.succeed(.status(Int(head.status.code)))
        }
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        answer.fail(error)
        context.close(promise: nil)
    }

    func channelInactive(context: ChannelHandlerContext) {
        answer.fail(Failure.closed)
    }
}
