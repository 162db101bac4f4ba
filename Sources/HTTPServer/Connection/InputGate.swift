import NIOCore

/// Stands before the parser: passes bytes on while a request is awaited and holds them while one is being answered.
///
/// Reading stops while a request is answered, but the system hands over all that is left once the client closes its
/// side; parsed at once, that could be thousands of requests.
final class InputGate: ChannelInboundHandler {
    typealias InboundIn = ByteBuffer
    typealias InboundOut = ByteBuffer

    /// Bytes held at most; a client that sends more without reading its responses is not served beyond them.
    static let capacity = 256 * 1024

    private let connection: ConnectionHandler
    private var context: ChannelHandlerContext?
    private var held = CircularBuffer<ByteBuffer>(initialCapacity: 0)
    private(set) var heldBytes = 0
    private var heldEnd: ChannelEvent?
    private var isOverfull = false

    init(connection: ConnectionHandler) {
        self.connection = connection
    }

    func handlerAdded(context: ChannelHandlerContext) {
        self.context = context
        connection.gate = self
    }

    func handlerRemoved(context: ChannelHandlerContext) {
        self.context = nil
        connection.gate = nil
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        let bytes = Self.unwrapInboundIn(data)
        switch connection.bytesArrived(bytes.readableBytes) {
        case .parse where held.isEmpty && !isOverfull:
            context.fireChannelRead(data)
        case .parse, .hold:
            hold(bytes)
        case .discard:
            break
        }
    }

    private func hold(_ bytes: ByteBuffer) {
        guard !isOverfull else { return }
        guard heldBytes + bytes.readableBytes <= Self.capacity else {
            isOverfull = true
            heldEnd = .inputClosed
            return
        }
        heldBytes += bytes.readableBytes
        held.append(bytes)
    }

    func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
        if let event = event as? ChannelEvent, event == .inputClosed, !held.isEmpty {
            heldEnd = event
        } else {
            context.fireUserInboundEventTriggered(event)
        }
    }

    /// Throws away what is held, and passes on the end of input if that has been seen.
    func discard() {
        held.removeAll()
        heldBytes = 0
        if let event = heldEnd.take() {
            context?.fireUserInboundEventTriggered(event)
        }
    }

    var isHolding: Bool { !held.isEmpty }

    /// Passes on the next bytes held, and after the last of them the end of input if that has been seen.
    func release() {
        guard let context, let bytes = held.popFirst() else { return }
        heldBytes -= bytes.readableBytes
        context.fireChannelRead(Self.wrapInboundOut(bytes))
        if held.isEmpty, let event = heldEnd.take() {
            context.fireUserInboundEventTriggered(event)
        }
    }
}
