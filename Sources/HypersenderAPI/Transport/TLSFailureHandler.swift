import Glibc
import NIOCore
import NIOSSL

/// Explains a failed handshake while the connection still knows the server's certificate.
final class TLSFailureHandler: ChannelInboundHandler {
    typealias InboundIn = ByteBuffer

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        let tls = try? context.pipeline.syncOperations.handler(type: NIOSSLClientHandler.self)
        context.fireErrorCaught(TLSFailure(error, certificate: tls?.peerCertificate, now: time(nil)) ?? error)
    }
}
