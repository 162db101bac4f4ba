import NIOCore

/// Answers a client that speaks plain HTTP to a port of TLS, in the words of Go's server. Stands before the encryption.
final class PlainRequestHandler: ChannelInboundHandler {
    typealias InboundIn = ByteBuffer
    typealias InboundOut = ByteBuffer
    typealias OutboundOut = ByteBuffer

    private var isPlain: Bool?
    private var discardedBytes = 0
    private let limits: Limits

    init(limits: Limits) {
        self.limits = limits
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        let bytes = Self.unwrapInboundIn(data)
        if isPlain == nil, let first = bytes.readableBytesView.first {
            // No record of TLS begins with a letter, and every method of HTTP does.
            isPlain = (UInt8(ascii: "A")...UInt8(ascii: "Z")).contains(first)
            if isPlain == true { refuse(context) }
        }
        guard isPlain == true else {
            context.fireChannelRead(data)
            return
        }
        discardedBytes += bytes.readableBytes
        if discardedBytes > limits.lingerBytes { context.close(promise: nil) }
    }

    /// Answers, and discards further input: a close could take the answer away from a client that is still sending.
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
