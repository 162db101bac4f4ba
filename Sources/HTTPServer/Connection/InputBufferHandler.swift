import Glibc
import NIOCore

/// Passes bytes on to the parser only as they are asked for by `read`, and holds the others.
///
/// Nothing is asked for while a request is answered, but the system hands over all that is left once the client closes
/// its side. Parsed at once, that could be thousands of requests.
final class InputBufferHandler: ChannelDuplexHandler {
    typealias InboundIn = ByteBuffer
    typealias InboundOut = ByteBuffer
    typealias OutboundIn = IOData
    typealias OutboundOut = IOData

    /// Announces that so many bytes are about to reach the parser.
    struct Arrival {
        let count: Int
    }

    /// The maximum number of bytes held. If a client sends more without reading its responses, the rest is dropped.
    static let capacity = 256 * 1024

    private var held = CircularBuffer<ByteBuffer>(initialCapacity: 0)
    private(set) var heldBytes = 0
    private var isWanted = false
    private var isReleasing = false
    private var hasEnded = false

    func read(context: ChannelHandlerContext) {
        isWanted = true
        if held.isEmpty {
            context.read()
        } else {
            release(context)
        }
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        let bytes = Self.unwrapInboundIn(data)
        guard !hasEnded else { return }
        if isWanted, held.isEmpty {
            passOn(bytes, context)
        } else if heldBytes + bytes.readableBytes <= Self.capacity {
            heldBytes += bytes.readableBytes
            held.append(bytes)
        } else {
            hasEnded = true
        }
    }

    func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
        if let event = event as? ChannelEvent, event == .inputClosed, !held.isEmpty {
            hasEnded = true
        } else {
            context.fireUserInboundEventTriggered(event)
        }
    }

    private func passOn(_ bytes: ByteBuffer, _ context: ChannelHandlerContext) {
        isWanted = false
        context.fireUserInboundEventTriggered(Arrival(count: bytes.readableBytes))
        context.fireChannelRead(Self.wrapInboundOut(bytes))
    }

    /// Passes on held bytes until no more are wanted, and the end of input after the last.
    private func release(_ context: ChannelHandlerContext) {
        // Passing bytes on may lead to the next `read` before it returns.
        guard !isReleasing else { return }
        isReleasing = true
        defer { isReleasing = false }
        while isWanted, let bytes = held.popFirst() {
            heldBytes -= bytes.readableBytes
            passOn(bytes, context)
            if held.isEmpty, hasEnded {
                context.fireUserInboundEventTriggered(ChannelEvent.inputClosed)
            }
            context.fireChannelReadComplete()
        }
        if isWanted { context.read() }
    }
}

extension ChannelHandlerContext {
    /// Whether the socket has bytes, the end of input or a connection to be read; false for a channel without a socket.
    var hasInput: Bool {
        let isReadable = try? pipeline.syncOperations.withUnsafeTransportIfAvailable(of: CInt.self) { descriptor in
            var socket = pollfd(fd: descriptor, events: Int16(POLLIN), revents: 0)
            return poll(&socket, 1, 0) == 1 && socket.revents & Int16(POLLIN) != 0
        }
        return isReadable == true
    }
}
