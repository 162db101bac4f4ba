import NIOCore
import NIOEmbedded
import Testing

@testable import HTTPServer

@Suite struct WritePacerTests {
    /// Takes writes and ends them when it is told to, as a socket does.
    private final class Socket: ChannelOutboundHandler {
        typealias OutboundIn = IOData

        var sizes: [Int] = []
        private var writes: CircularBuffer<(count: Int, promise: EventLoopPromise<Void>?)> = []

        var heldBytes: Int { writes.reduce(0) { $0 + $1.count } }

        func write(context: ChannelHandlerContext, data: NIOAny, promise: EventLoopPromise<Void>?) {
            guard case .byteBuffer(let bytes) = Self.unwrapOutboundIn(data) else { return }
            sizes.append(bytes.readableBytes)
            writes.append((bytes.readableBytes, promise))
        }

        func takeOne() -> Bool {
            guard let (_, promise) = writes.popFirst() else { return false }
            promise?.succeed()
            return true
        }
    }

    /// One write that is cut must not make all others be cut.
    @Test(arguments: [[9, 16_384], [9, 16_384, 9, 135], [300_000], [1 << 20, 1], [1, 1, 1]])
    func writesDoNotCrumble(sizes: [Int]) throws {
        let channel = EmbeddedChannel()
        let socket = Socket()
        try channel.pipeline.syncOperations.addHandlers([socket, WritePacer()])
        let written = (0..<40).flatMap { _ in sizes }
        var most = 0
        for size in written {
            channel.write(IOData.byteBuffer(ByteBuffer(repeating: 0, count: size)), promise: nil)
        }
        channel.flush()
        repeat {
            most = max(most, socket.heldBytes)
        } while socket.takeOne()
        #expect(socket.sizes.reduce(0, +) == written.reduce(0, +))
        #expect(most < WritePacer.capacity + WritePacer.pieceBytes)
        let fewest = written.reduce(0) { $0 + ($1 + WritePacer.pieceBytes - 1) / WritePacer.pieceBytes }
        #expect(socket.sizes.count == fewest)
        _ = try channel.finish(acceptAlreadyClosed: true)
    }
}
