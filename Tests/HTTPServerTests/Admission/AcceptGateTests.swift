import NIOCore
import NIOEmbedded
import NIOPosix
import Testing

@testable import HTTPServer

@Suite struct AcceptGateTests {
    /// Collects the connections let in.
    private final class Rooms: ChannelInboundHandler {
        typealias InboundIn = any Channel
        var connections: [any Channel] = []

        func channelRead(context: ChannelHandlerContext, data: NIOAny) {
            connections.append(Self.unwrapInboundIn(data))
        }
    }

    /// A gate with an event loop of its own. Made within each test: an embedded event loop belongs to one thread.
    private struct Gate {
        let loop = EmbeddedEventLoop()
        let rooms = Rooms()

        func listener(limit: Int) -> EmbeddedChannel {
            EmbeddedChannel(
                handlers: [AcceptGate(admission: Admission(limit: limit), logger: .silent), rooms], loop: loop)
        }

        /// Whether the listener was last told to accept.
        func isAccepting(_ listener: EmbeddedChannel) -> Bool {
            listener.options.last { $0.option is ChannelOptions.Types.AutoReadOption }?.value as? Bool ?? true
        }

        func connection() -> EmbeddedChannel {
            EmbeddedChannel(loop: loop)
        }

        func end(_ connection: EmbeddedChannel) {
            connection.close(promise: nil)
            loop.run()
        }
    }

    @Test func holdsWhatIsBeyondTheLimitUntilAConnectionEnds() {
        let gate = Gate()
        let listener = gate.listener(limit: 2)
        let connections = (0..<4).map { _ in gate.connection() }
        for connection in connections.prefix(2) {
            listener.pipeline.fireChannelRead(connection as any Channel)
        }
        #expect(gate.rooms.connections.count == 2)
        #expect(gate.isAccepting(listener))
        for connection in connections.suffix(2) {
            listener.pipeline.fireChannelRead(connection as any Channel)
        }
        #expect(gate.rooms.connections.count == 2)
        #expect(!gate.isAccepting(listener))

        gate.end(connections[0])
        #expect(gate.rooms.connections.count == 3)
        #expect(!gate.isAccepting(listener))
        gate.end(connections[1])
        #expect(gate.rooms.connections.count == 4)
        #expect(gate.isAccepting(listener))
    }

    @Test func closesWhatItHoldsWithTheListener() {
        let gate = Gate()
        let listener = gate.listener(limit: 1)
        let held = gate.connection()
        let closed = Signal()
        held.closeFuture.whenComplete { _ in closed.fire() }
        listener.pipeline.fireChannelRead(gate.connection() as any Channel)
        listener.pipeline.fireChannelRead(held as any Channel)
        #expect(closed.count == 0)
        gate.end(listener)
        #expect(closed.count == 1)
    }

    @Test(arguments: [23, 24, 105, 12])
    func pausesWhenTheSystemHasNoResources(errno: CInt) {
        let gate = Gate()
        let listener = gate.listener(limit: 10)
        for _ in 0..<2 {
            listener.pipeline.fireErrorCaught(IOError(errnoCode: errno, reason: "accept"))
            #expect(!gate.isAccepting(listener))
            gate.loop.advanceTime(by: .milliseconds(999))
            #expect(!gate.isAccepting(listener))
            gate.loop.advanceTime(by: .milliseconds(1))
            #expect(gate.isAccepting(listener))
        }
    }

    @Test func aConnectionsEndEndsThePause() {
        let gate = Gate()
        let listener = gate.listener(limit: 10)
        let first = gate.connection()
        listener.pipeline.fireChannelRead(first as any Channel)
        listener.pipeline.fireErrorCaught(IOError(errnoCode: 24, reason: "accept"))
        #expect(!gate.isAccepting(listener))
        gate.end(first)
        #expect(gate.isAccepting(listener))
    }

    @Test func aBrokenConnectionAttemptDoesNotPause() {
        let gate = Gate()
        let listener = gate.listener(limit: 10)
        listener.pipeline.fireErrorCaught(IOError(errnoCode: 103, reason: "accept"))
        #expect(gate.isAccepting(listener))
    }

    @Test(arguments: [
        (4096, 20_000, 4096), (4096, 1024, 768), (10, 1024, 10), (4096, 64, 32), (4096, 0, 1), (0, 1024, 1),
    ])
    func limitLeavesRoomForOtherFiles(asked: Int, openFiles: Int, limit: Int) {
        #expect(Admission.limit(asked: asked, openFiles: openFiles) == limit)
    }
}
