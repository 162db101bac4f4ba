import NIOCore
import NIOHTTP1

/// Turns a response that is not HTTP into an error, before the client's state machine sees it.
///
/// Status codes have three digits, the first of them 1 to 5 (RFC 9110, section 15), but the parser takes `000` too. The
/// client then waits for the final response that must follow an informational one, and a body instead ends the process.
final class ResponseGuardHandler: ChannelInboundHandler {
    typealias InboundIn = HTTPClientResponsePart
    typealias InboundOut = HTTPClientResponsePart

    private var isBroken = false

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        if case .head(let head) = Self.unwrapInboundIn(data), head.status.code < 100 {
            isBroken = true
            context.fireErrorCaught(HTTPParserError.invalidStatus)
            context.close(promise: nil)
        }
        if !isBroken { context.fireChannelRead(data) }
    }
}
