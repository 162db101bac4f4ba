import Basics
import Logging
import NIOCore
import NIOSSL
import NIOTLS

/// Lets nothing through before the TLS handshake is complete and the client's certificate bears an allowed name.
///
/// The time that a handshake takes is limited by the connection behind it: no request has come.
final class TLSHandshakeHandler: ChannelInboundHandler {
    typealias InboundIn = ByteBuffer
    typealias InboundOut = ByteBuffer

    /// Announces that the client has shown a certificate.
    struct CertificateShown {}

    private enum Phase {
        case shakingHands, open, refused
    }

    private let allowedNames: [String]
    private let logger: Logger
    private var phase = Phase.shakingHands

    init(allowing names: [String], logger: Logger) {
        allowedNames = names
        self.logger = logger
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        // Requests may come along with the end of a handshake that has led to a refusal.
        if phase == .open { context.fireChannelRead(data) }
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
        let certificate = try? context.pipeline.syncOperations.nioSSL_peerCertificate()
        guard allowedNames.isEmpty || certificate?.bears(oneOf: allowedNames) ?? true else {
            logger.debug("Refused a client: its certificate bears none of the allowed names")
            phase = .refused
            context.close(promise: nil)
            return
        }
        phase = .open
        if certificate != nil { context.fireUserInboundEventTriggered(CertificateShown()) }
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        switch phase {
        case .open where error as? NIOSSLError == .uncleanShutdown:
            // The client has closed its side without `close_notify`. HTTP itself tells whether a request is whole.
            break
        case .open:
            context.fireErrorCaught(error)
        case .shakingHands, .refused:
            logger.debug("TLS handshake failed", metadata: ["error": "\(error)"])
            context.close(promise: nil)
        }
    }
}

extension NIOSSLCertificate {
    /// Whether one of these is an alternative name of the certificate: a DNS name, IP address, e-mail address or URI.
    ///
    /// Compared byte for byte, as exporter-toolkit does, but addresses by value. A name in the subject does not count.
    func bears(oneOf names: [String]) -> Bool {
        let texts = Set(names.map { Array($0.utf8) })
        let addresses = Set(names.compactMap { IPAddress($0)?.bytes })
        return _subjectAlternativeNames().contains { name in
            let bytes = name.contents.withUnsafeBufferPointer { Array($0) }
            return switch name.nameType {
            case .dnsName, .email, .uri: texts.contains(bytes)
            case .ipAddress: addresses.contains(bytes)
            default: false
            }
        }
    }
}
