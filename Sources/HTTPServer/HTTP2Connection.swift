import Logging
import NIOCore
import NIOHTTP2

/// A connection of HTTP/2 as a whole: ends it when it is idle, when the server shuts down, or when its client breaks
/// the protocol. Its requests are served by an `HTTP2Stream` each.
final class HTTP2Connection: ChannelInboundHandler, OpenConnection {
    typealias InboundIn = HTTP2Frame
    typealias OutboundOut = HTTP2Frame

    /// Requests that a client may have under way at once.
    static let concurrentStreams = 100

    /// Answers to a client's control frames that may wait for it to read them.
    static let bufferedControlFrames = 1000

    /// Tells the connection which streams its client has opened.
    struct StreamWatch: NIOHTTP2StreamDelegate {
        private let connection: NIOLoopBound<HTTP2Connection>

        init(_ connection: HTTP2Connection, eventLoop: any EventLoop) {
            self.connection = NIOLoopBound(connection, eventLoop: eventLoop)
        }

        func streamCreated(_ id: HTTP2StreamID, channel: any Channel) {
            connection.value.lastStream = max(connection.value.lastStream, id)
        }

        func streamClosed(_ id: HTTP2StreamID, channel: any Channel) {}
    }

    private let limits: Limits
    private let loop: LoopContext
    private let logger: Logger
    private var context: ChannelHandlerContext?
    private var openStreams = 0
    /// Since when there is no stream, and what it means that there is none.
    private var idle: Eviction.Candidate?
    private var lastStream = HTTP2StreamID.rootStream
    private var isDraining = false
    private var isEnding = false
    private var timer: Scheduled<Void>?

    init(limits: Limits, loop: LoopContext, logger: Logger) {
        self.limits = limits
        self.loop = loop
        self.logger = logger
    }

    // MARK: - The channel

    func handlerAdded(context: ChannelHandlerContext) {
        self.context = context
        idle = Eviction.Candidate(kind: .unfinished, since: context.eventLoop.now)
        loop.add(self)
        if loop.isDraining {
            drain()
        } else {
            arm(limits.requestDeadline)
        }
    }

    func handlerRemoved(context: ChannelHandlerContext) {
        timer?.cancel()
        timer = nil
        loop.remove(self)
        self.context = nil
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        // What concerns the connection, such as settings and pings, has been seen to already.
    }

    func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
        if let event = event as? ChannelEvent, event == .inputClosed {
            // Without the client's window updates and acknowledgements nothing goes on.
            close()
        }
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        // Some concern one stream only, but no client sends what is malformed and deserves the rest.
        logger.debug("Ended a connection of HTTP/2", metadata: ["error": "\(error)"])
        close()
    }

    // MARK: - Streams

    func streamBegan() {
        openStreams += 1
        idle = nil
        timer?.cancel()
        timer = nil
    }

    /// A stream is closed, and the system has taken what was sent on it: before, the connection must not be closed.
    func streamEnded() {
        openStreams -= 1
        guard openStreams == 0, let context else { return }
        idle = Eviction.Candidate(kind: .idle, since: context.eventLoop.now)
        if isDraining {
            close()
        } else if !isEnding {
            arm(limits.idleDeadline)
        }
    }

    // MARK: - The end

    var candidate: Eviction.Candidate? { idle }

    func drain() {
        guard !isDraining else { return }
        isDraining = true
        if openStreams == 0 {
            end()
        } else {
            // Requests that are on their way at this moment are still answered (RFC 9113, 6.8).
            goAway(.maxID, promise: nil)
        }
    }

    func close() {
        context?.close(promise: nil)
    }

    /// Says farewell and closes once the client has been sent that, or will not take it. No stream is open.
    private func end() {
        guard !isEnding, let context else { return }
        isEnding = true
        let sent = context.eventLoop.makePromise(of: Void.self)
        sent.futureResult.assumeIsolated().whenComplete { _ in self.close() }
        goAway(lastStream, promise: sent)
        arm(limits.writeDeadline)
    }

    private func goAway(_ lastStream: HTTP2StreamID, promise: EventLoopPromise<Void>?) {
        let frame = HTTP2Frame(
            streamID: .rootStream,
            payload: .goAway(lastStreamID: lastStream, errorCode: .noError, opaqueData: nil))
        context?.writeAndFlush(Self.wrapOutboundOut(frame), promise: promise)
    }

    private func arm(_ time: Duration) {
        timer?.cancel()
        timer = context?.eventLoop.assumeIsolated().scheduleTask(in: TimeAmount(time)) {
            self.timer = nil
            if self.isEnding {
                self.close()
            } else {
                self.end()
            }
        }
    }
}
