import Logging
import NIOCore
import NIOSSL
import NIOTLS

/// Brings a new connection to TLS with the certificates of the moment, and lets nothing through before its client has
/// been found acceptable.
///
/// The time it takes is limited by the connection that stands behind: no request has come.
final class TLSEntry: ChannelDuplexHandler {
    typealias InboundIn = ByteBuffer
    typealias InboundOut = ByteBuffer
    typealias OutboundIn = IOData
    typealias OutboundOut = IOData

    private enum Phase {
        /// Certificates may be read just now.
        case preparing, shakingHands, open, refused
    }

    private let tls: LiveTLS
    private let security: LiveSecurity
    private let connection: ConnectionHandler
    private let logger: Logger
    private var phase = Phase.preparing
    private var setup: TLSSetup?
    private var wantsRead = false

    init(tls: LiveTLS, of security: LiveSecurity, connection: ConnectionHandler, logger: Logger) {
        self.tls = tls
        self.security = security
        self.connection = connection
        self.logger = logger
    }

    func handlerAdded(context: ChannelHandlerContext) {
        if context.channel.isActive {
            prepare(context)
        }
    }

    func channelActive(context: ChannelHandlerContext) {
        prepare(context)
        context.fireChannelActive()
    }

    private func prepare(_ context: ChannelHandlerContext) {
        tls.setup(on: context.eventLoop).assumeIsolated().whenComplete { setup in
            guard context.channel.isActive else { return }
            do {
                try self.begin(setup.get(), context)
            } catch {
                context.close(promise: nil)
            }
        }
    }

    private func begin(_ setup: TLSSetup, _ context: ChannelHandlerContext) throws {
        guard setup.rules == security.rules else {
            // They have changed just now, and those who were to learn that have.
            context.close(promise: nil)
            return
        }
        self.setup = setup
        connection.rules = setup.rules
        phase = .shakingHands
        let pacer = WritePacer()
        connection.pacer = pacer
        let pipeline = context.pipeline.syncOperations
        try pipeline.addHandler(PlainRequestDetector(), position: .before(self))
        try pipeline.addHandler(setup.makeHandler(), position: .before(self))
        try pipeline.addHandler(pacer, position: .before(self))
        if wantsRead {
            context.read()
        }
    }

    func read(context: ChannelHandlerContext) {
        if phase == .preparing {
            wantsRead = true
        } else {
            context.read()
        }
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        // Requests may come along with the end of a handshake that has led to a refusal.
        if phase == .open {
            context.fireChannelRead(data)
        }
    }

    func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
        switch event {
        case TLSUserEvent.handshakeCompleted:
            complete(context)
        case let event as ChannelEvent where event == .inputClosed && phase == .refused:
            break
        default:
            context.fireUserInboundEventTriggered(event)
        }
    }

    private func complete(_ context: ChannelHandlerContext) {
        if let setup, !setup.clientNames.isEmpty,
            let certificate = try? context.pipeline.syncOperations.nioSSL_peerCertificate(),
            !setup.clientNames.allows(certificate)
        {
            logger.debug("Refused a client: its certificate bears none of the allowed names")
            phase = .refused
            context.close(promise: nil)
        } else {
            phase = .open
        }
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        switch phase {
        case .open where error as? NIOSSLError == .uncleanShutdown:
            // The client has closed its side without a farewell. What it has sent in full is answered nevertheless:
            // HTTP tells itself whether a request is whole.
            break
        case .open:
            context.fireErrorCaught(error)
        case .preparing, .shakingHands, .refused:
            logger.debug("A TLS handshake has failed", metadata: ["error": "\(error)"])
            context.close(promise: nil)
        }
    }
}
