import NIOCore
import NIOEmbedded
import NIOHTTP1
import Testing

@testable import HTTPServer

@Suite struct OutputTests {
    /// Takes writes in the place of a socket; a paced test makes the channel unwritable with each flush.
    private final class Recorder: ChannelOutboundHandler {
        typealias OutboundIn = IOData
        var sizes: [Int] = []
        var flushes: [[Int]] = []
        var promises: [EventLoopPromise<Void>] = []
        var staysWritable = false

        func write(context: ChannelHandlerContext, data: NIOAny, promise: EventLoopPromise<Void>?) {
            sizes.append(Self.unwrapOutboundIn(data).readableBytes)
            promises += [promise].compactMap(\.self)
        }

        func flush(context: ChannelHandlerContext) {
            flushes.append(sizes)
            sizes = []
            (context.channel as? EmbeddedChannel)?.isWritable = staysWritable
        }
    }

    /// Asks for a body of buffers of these sizes.
    private func ask(
        _ sizes: [Int], under rules: TLSRules?, onEnd: @escaping @Sendable () -> Void = {}
    ) throws -> (EmbeddedChannel, Recorder) {
        try ask(sizes.reduce(.empty) { $0 + Body([UInt8](repeating: 0x61, count: $1)) }, under: rules, onEnd: onEnd)
    }

    private func ask(
        _ body: Body, under rules: TLSRules?, onEnd: @escaping @Sendable () -> Void = {}
    ) throws -> (EmbeddedChannel, Recorder) {
        let pipeline = ConnectionPipeline(limits: Limits()) { _ in
            var response = Response(status: 200, body: body)
            response.onEnd = onEnd
            return .now(response)
        }
        let loop = EmbeddedEventLoop()
        let connections = EventLoopConnections(on: loop) { 0 }
        let recorder = Recorder()
        let handler = ConnectionHandler(pipeline, among: connections, rules: rules, now: loop.now)
        let channel = EmbeddedChannel(handlers: [recorder, handler], loop: loop)
        try channel.connect(to: SocketAddress(ipAddress: "127.0.0.1", port: 1)).wait()
        let head = HTTPRequestHead(version: .http1_1, method: .GET, uri: "/", headers: ["Host": "a"])
        try channel.writeInbound(HTTPServerRequestPart.head(head))
        try channel.writeInbound(HTTPServerRequestPart.end(nil))
        return (channel, recorder)
    }

    /// Expects that the response ends once, with its last write.
    private func expectOneEnd(_ ended: Signal, _ recorder: Recorder, _ channel: EmbeddedChannel) throws {
        #expect(recorder.promises.count == 1 && ended.count == 0)
        recorder.promises[0].succeed()
        #expect(ended.count == 1)
        _ = try channel.finish()
    }

    /// One buffer that is cut must not make all others be cut.
    @Test(arguments: [[9, 16_384], [9, 16_384, 9, 135], [300_000], [1 << 20, 1], [1, 1, 1]])
    func encryptedWritesAreLimitedAndDoNotCrumble(sizes: [Int]) throws {
        let ended = Signal()
        let buffers = (0..<40).flatMap { _ in sizes }
        let rules = TLSRules(options: TLSOptions(certificate: .inline(""), key: .inline("")), clientCA: [])
        let (channel, recorder) = try ask(buffers, under: rules) { ended.fire() }
        var rounds = 1
        while recorder.promises.isEmpty {
            #expect(recorder.flushes.count == rounds && recorder.flushes.last?.reduce(0, +) == 128 * 1024)
            channel.isWritable = true
            channel.pipeline.fireChannelWritabilityChanged()
            rounds += 1
        }
        #expect(recorder.flushes.count == rounds && recorder.flushes.allSatisfy { $0.reduce(0, +) <= 128 * 1024 })
        let writes = recorder.flushes.flatMap(\.self)
        let headSize = try #require(writes.first)
        #expect(writes.reduce(0, +) == buffers.reduce(headSize, +))
        #expect(writes.count < 1 + buffers.count + rounds)
        try expectOneEnd(ended, recorder, channel)
    }

    @Test func plainBuffersAreWrittenWholeAndReportedOnce() throws {
        let ended = Signal()
        let (channel, recorder) = try ask([100, 1 << 20, 7], under: nil) { ended.fire() }
        #expect(recorder.flushes.count == 1 && recorder.flushes[0].dropFirst() == [100, 1 << 20])
        channel.isWritable = true
        channel.pipeline.fireChannelWritabilityChanged()
        #expect(recorder.flushes.dropFirst() == [[7]])
        try expectOneEnd(ended, recorder, channel)
    }

    /// Asks for ten parts of 256 KiB that are made when they are sent, of which four are at once.
    private func askForParts() throws -> (made: Signal, EmbeddedChannel, Recorder) {
        let made = Signal()
        let part = Body.Part(count: 1 << 18) {
            made.fire()
            return ByteBuffer(repeating: 0x61, count: 1 << 18)
        }
        let (channel, recorder) = try ask(Body(parts: Array(repeating: part, count: 10)), under: nil)
        return (made, channel, recorder)
    }

    /// Parts that are made when they are sent wait until the client has taken those before.
    @Test func partsAreMadeAsTheyAreTaken() throws {
        let (made, channel, recorder) = try askForParts()
        for expected in [4, 8, 10] {
            #expect(made.count == expected)
            channel.isWritable = true
            channel.pipeline.fireChannelWritabilityChanged()
        }
        #expect(recorder.flushes.joined().dropFirst().reduce(0, +) == 10 << 18)
        _ = try channel.finish()
    }

    /// A client that takes all at once does not keep the event loop from others until all is made.
    @Test func othersHaveTheirTurnBetween() throws {
        let (made, channel, recorder) = try askForParts()
        recorder.staysWritable = true
        channel.isWritable = true
        let counts = Signal()
        channel.eventLoop.execute { (0..<made.count).forEach { _ in counts.fire() } }
        channel.pipeline.fireChannelWritabilityChanged()
        channel.embeddedEventLoop.run()
        #expect(made.count == 10 && counts.count == 8)
        _ = try channel.finish()
    }

    @Test func aFailedWriteEndsTheResponseAndTheConnection() throws {
        let ended = Signal()
        let (channel, recorder) = try ask([100], under: nil) { ended.fire() }
        recorder.promises[0].fail(ChannelError.ioOnClosedChannel)
        #expect(ended.count == 1 && !channel.isActive)
        _ = try channel.finish(acceptAlreadyClosed: true)
    }
}
