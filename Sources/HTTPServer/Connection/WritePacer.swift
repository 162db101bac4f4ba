import NIOCore

/// Stands before the encryption on the way out: hands on so much at a time as clients take.
///
/// What is encrypted is a copy of its own for each connection; without this, every slow reader would cost the size of
/// the whole response.
final class WritePacer: ChannelDuplexHandler {
    typealias InboundIn = ByteBuffer
    typealias InboundOut = ByteBuffer
    typealias OutboundIn = IOData
    typealias OutboundOut = IOData

    /// With so many bytes encrypted, but not yet taken by the system, nothing more is handed on.
    static let capacity = 256 * 1024

    /// Bytes handed on as one, at most.
    ///
    /// What is larger is cut to this, and not to the room that is left: that could be a few bytes, each time those are taken it would be
    /// as few again, and soon everything would go out in crumbs.
    static let pieceBytes = 64 * 1024

    private var context: ChannelHandlerContext?
    private var queue = CircularBuffer<(bytes: ByteBuffer, promise: EventLoopPromise<Void>?)>(initialCapacity: 0)
    /// How many of the queue may be handed on.
    private var flushed = 0
    private var inFlight = 0
    private var isPumping = false
    private var closing: EventLoopPromise<Void>??

    /// Bytes that wait here.
    private(set) var heldBytes = 0

    func handlerAdded(context: ChannelHandlerContext) {
        self.context = context
    }

    func handlerRemoved(context: ChannelHandlerContext) {
        self.context = nil
        discard()
    }

    func channelInactive(context: ChannelHandlerContext) {
        discard()
        context.fireChannelInactive()
    }

    func write(context: ChannelHandlerContext, data: NIOAny, promise: EventLoopPromise<Void>?) {
        guard case .byteBuffer(let bytes) = Self.unwrapOutboundIn(data) else {
            preconditionFailure("files are not sent")
        }
        heldBytes += bytes.readableBytes
        queue.append((bytes, promise))
    }

    func flush(context: ChannelHandlerContext) {
        flushed = queue.count
        pump()
    }

    func close(context: ChannelHandlerContext, mode: CloseMode, promise: EventLoopPromise<Void>?) {
        if mode == .output, !queue.isEmpty {
            closing = .some(promise)
            return
        }
        if mode == .all {
            discard()
        }
        context.close(mode: mode, promise: promise)
    }

    private func pump() {
        // A write may be done before it returns; the loop goes on then, not a call within.
        guard !isPumping, let context else { return }
        isPumping = true
        while flushed > 0, inFlight < Self.capacity {
            while flushed > 0, inFlight < Self.capacity {
                handOn(context)
            }
            context.flush()
        }
        isPumping = false
        if queue.isEmpty, let promise = closing.take() {
            context.close(mode: .output, promise: promise)
        }
    }

    private func handOn(_ context: ChannelHandlerContext) {
        let piece: ByteBuffer
        let written: EventLoopPromise<Void>
        if let slice = queue[queue.startIndex].bytes.readableBytes > Self.pieceBytes
            ? queue[queue.startIndex].bytes.readSlice(length: Self.pieceBytes) : nil
        {
            piece = slice
            written = context.eventLoop.makePromise()
        } else {
            let last = queue.removeFirst()
            flushed -= 1
            piece = last.bytes
            written = last.promise ?? context.eventLoop.makePromise()
        }
        let count = piece.readableBytes
        heldBytes -= count
        inFlight += count
        written.futureResult.assumeIsolated().whenComplete { _ in
            self.inFlight -= count
            self.pump()
        }
        context.write(Self.wrapOutboundOut(.byteBuffer(piece)), promise: written)
    }

    private func discard() {
        heldBytes = 0
        flushed = 0
        while let (_, promise) = queue.popFirst() {
            promise?.fail(ChannelError.ioOnClosedChannel)
        }
        closing.take()??.fail(ChannelError.ioOnClosedChannel)
    }
}
