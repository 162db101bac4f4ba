import NIOCore
import NIOEmbedded
import NIOPosix
import Testing

@testable import HTTPServer

@Suite struct AcceptHandlerTests {
    /// Collects the accepted connections.
    private final class Acceptor: ChannelInboundHandler {
        typealias InboundIn = any Channel
        var connections: [any Channel] = []

        func channelRead(context: ChannelHandlerContext, data: NIOAny) {
            connections.append(Self.unwrapInboundIn(data))
        }
    }

    /// A listener with an event loop of its own. Made within each test: an embedded event loop belongs to one thread.
    private struct Fixture {
        let loop = EmbeddedEventLoop()
        let acceptor = Acceptor()

        func listener(limit: Int) -> EmbeddedChannel {
            let limit = ConnectionLimit(maximum: limit, loops: [])
            return EmbeddedChannel(handlers: [AcceptHandler(limit: limit, logger: .silent), acceptor], loop: loop)
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
        let fixture = Fixture()
        let listener = fixture.listener(limit: 2)
        let connections = (0..<4).map { _ in fixture.connection() }
        for connection in connections.prefix(2) {
            listener.pipeline.fireChannelRead(connection as any Channel)
        }
        #expect(fixture.acceptor.connections.count == 2)
        #expect(fixture.isAccepting(listener))
        for connection in connections.suffix(2) {
            listener.pipeline.fireChannelRead(connection as any Channel)
        }
        #expect(fixture.acceptor.connections.count == 2)
        #expect(!fixture.isAccepting(listener))

        fixture.end(connections[0])
        #expect(fixture.acceptor.connections.count == 3)
        #expect(!fixture.isAccepting(listener))
        fixture.end(connections[1])
        #expect(fixture.acceptor.connections.count == 4)
        #expect(fixture.isAccepting(listener))
    }

    @Test func closesWhatItHoldsWithTheListener() {
        let fixture = Fixture()
        let listener = fixture.listener(limit: 1)
        let held = fixture.connection()
        let closed = Signal()
        held.closeFuture.whenComplete { _ in closed.fire() }
        listener.pipeline.fireChannelRead(fixture.connection() as any Channel)
        listener.pipeline.fireChannelRead(held as any Channel)
        #expect(closed.count == 0)
        fixture.end(listener)
        #expect(closed.count == 1)
    }

    @Test(arguments: [23, 24, 105, 12])
    func pausesWhenTheSystemHasNoResources(errno: CInt) {
        let fixture = Fixture()
        let listener = fixture.listener(limit: 10)
        for _ in 0..<2 {
            listener.pipeline.fireErrorCaught(IOError(errnoCode: errno, reason: "accept"))
            #expect(!fixture.isAccepting(listener))
            fixture.loop.advanceTime(by: .milliseconds(999))
            #expect(!fixture.isAccepting(listener))
            fixture.loop.advanceTime(by: .milliseconds(1))
            #expect(fixture.isAccepting(listener))
        }
    }

    @Test func aConnectionsEndEndsThePause() {
        let fixture = Fixture()
        let listener = fixture.listener(limit: 10)
        let first = fixture.connection()
        listener.pipeline.fireChannelRead(first as any Channel)
        listener.pipeline.fireErrorCaught(IOError(errnoCode: 24, reason: "accept"))
        #expect(!fixture.isAccepting(listener))
        fixture.end(first)
        #expect(fixture.isAccepting(listener))
    }

    @Test func aBrokenConnectionAttemptDoesNotPause() {
        let fixture = Fixture()
        let listener = fixture.listener(limit: 10)
        listener.pipeline.fireErrorCaught(IOError(errnoCode: 103, reason: "accept"))
        #expect(fixture.isAccepting(listener))
    }

    @Test(arguments: [
        (4096, 20_000, 4096), (4096, 1024, 768), (10, 1024, 10), (4096, 64, 32), (4096, 0, 1), (0, 1024, 1),
    ])
    func limitLeavesRoomForOtherFiles(asked: Int, openFiles: Int, limit: Int) {
        #expect(ConnectionLimit.maximum(asked: asked, openFiles: openFiles) == limit)
    }
}
