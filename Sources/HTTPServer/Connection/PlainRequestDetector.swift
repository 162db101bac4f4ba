import NIOCore

/// Stands before the encryption: tells a client that speaks plain HTTP to a port of TLS so, in the words of Go's
/// server.
final class PlainRequestDetector: ChannelInboundHandler {
    typealias InboundIn = ByteBuffer
    typealias InboundOut = ByteBuffer
    typealias OutboundOut = ByteBuffer

    private enum Finding {
        case nothing, encrypted, plain
    }

    private var finding = Finding.nothing
    private var discardedBytes = 0
    private let limits = Limits()

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        if finding == .nothing, let first = Self.unwrapInboundIn(data).readableBytesView.first {
            // No record of TLS begins with a letter, and every method of HTTP does.
            finding = (UInt8(ascii: "A")...UInt8(ascii: "Z")).contains(first) ? .plain : .encrypted
            if finding == .plain {
                refuse(context)
            }
        }
        switch finding {
        case .encrypted:
            context.fireChannelRead(data)
        case .plain:
            discardedBytes += Self.unwrapInboundIn(data).readableBytes
            if discardedBytes > limits.lingerBytes {
                context.close(promise: nil)
            }
        case .nothing:
            break
        }
    }

    /// Input is thrown away from here on, until the client closes or has sent too much or for too long: to close at once
    /// would take the answer away from a client that is still sending.
    private func refuse(_ context: ChannelHandlerContext) {
        let answer = ByteBuffer(
            staticString: "HTTP/1.0 400 Bad Request\r\n\r\nClient sent an HTTP request to an HTTPS server.\n")
        context.writeAndFlush(Self.wrapOutboundOut(answer), promise: nil)
        context.close(mode: .output, promise: nil)
        context.eventLoop.assumeIsolated().scheduleTask(in: TimeAmount(limits.lingerDeadline)) {
            context.close(promise: nil)
        }
    }
}
