import Glibc
import Logging
import NIOCore

/// Accepts connections while there is room; otherwise pauses its listener until a connection has ended.
///
/// Unaccepted connections wait in the system's backlog. Holding back single reads would not do: after a failed accept
/// the socket stays registered with its event loop, which is then told of the same connection again and again, at the
/// cost of a whole core.
final class AcceptHandler: ChannelInboundHandler, ChannelOutboundHandler {
    typealias InboundIn = any Channel
    typealias OutboundIn = Never

    /// An event that closes the listener once the backlog is let in, which a close would reset.
    struct Close {
        /// Whether the backlog counts; it does not if another process goes on with it.
        let takesBacklog: Bool
        /// The time to close at the latest.
        let deadline: NIODeadline
    }

    /// The maximum number of connections that wait in the system. Another client tries again after a second.
    static let backlog = 4096
    /// The time to wait for resources if no connection of ours ends before.
    static let pause = TimeAmount.seconds(1)
    /// The minimum time between two log lines about a lack of resources.
    static let logInterval = TimeAmount.minutes(1)

    private let limit: ConnectionLimit
    private let loops: [any EventLoop]
    private let logger: Logger
    private var context: ChannelHandlerContext?
    /// The channels that were accepted beyond the limit, in the form in which they are passed on once there is room.
    private var held = CircularBuffer<NIOAny>(initialCapacity: 0)
    private var isPaused = false {
        // Fails only on a closed listener, which accepts nothing anyway.
        didSet { try? context?.channel.syncOptions?.setOption(.autoRead, value: !isPaused) }
    }
    private var nextLog: NIODeadline?
    private var closing: Close?
    /// The number accepted since the listener is to be closed.
    private var lateCount = 0

    /// - Parameter loops: the event loops of the connections.
    init(limit: ConnectionLimit, loops: [any EventLoop] = [], logger: Logger) {
        self.limit = limit
        self.loops = loops
        self.logger = logger
    }

    func handlerAdded(context: ChannelHandlerContext) {
        self.context = context
    }

    func handlerRemoved(context: ChannelHandlerContext) {
        self.context = nil
        while let data = held.popFirst() { Self.unwrapInboundIn(data).close(promise: nil) }
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        held.append(data)
        if closing != nil { lateCount += 1 }
        letIn(context)
        if !held.isEmpty { isPaused = true }
    }

    func channelReadComplete(context: ChannelHandlerContext) {
        closeIfDone(context)
        context.fireChannelReadComplete()
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        guard let error = error as? IOError, [EMFILE, ENFILE, ENOBUFS, ENOMEM].contains(error.errnoCode) else {
            context.fireErrorCaught(error)
            return
        }
        let now = context.eventLoop.now
        if nextLog.map({ $0 <= now }) ?? true {
            nextLog = now + Self.logInterval
            logger.warning(
                "Connections wait: the system lacks resources for more",
                metadata: ["error": "\(ErrorText.describe(errno: error.errnoCode))"])
        }
        guard !isPaused else { return }
        isPaused = true
        limit.wait(resumption(context))
        context.eventLoop.assumeIsolated().scheduleTask(in: Self.pause) { self.resume() }
    }

    private func letIn(_ context: ChannelHandlerContext) {
        while let data = held.first, limit.enter(wanted: held.count, orWake: resumption(context)) {
            held.removeFirst()
            let limit = limit
            Self.unwrapInboundIn(data).closeFuture.whenComplete { _ in limit.leave() }
            context.fireChannelRead(data)
        }
    }

    private func resumption(_ context: ChannelHandlerContext) -> @Sendable () -> Void {
        let handler = NIOLoopBound(self, eventLoop: context.eventLoop)
        return { handler.eventLoop.execute { handler.value.resume() } }
    }

    private func resume() {
        guard let context, isPaused else { return }
        letIn(context)
        closeIfDone(context)
        if held.isEmpty { isPaused = false }
    }

    // MARK: The end

    func triggerUserOutboundEvent(context: ChannelHandlerContext, event: Any, promise: EventLoopPromise<Void>?) {
        guard let event = event as? Close else {
            context.triggerUserOutboundEvent(event, promise: promise)
            return
        }
        promise?.succeed()
        closing = event
        if !event.takesBacklog { isPaused = true }
        context.eventLoop.assumeIsolated().scheduleTask(deadline: event.deadline) { context.close(promise: nil) }
        closeIfDone(context)
    }

    private func closeIfDone(_ context: ChannelHandlerContext) {
        guard let closing, held.isEmpty else { return }
        // No more are taken than were waiting: newcomers must not hold up the end.
        guard !closing.takesBacklog || lateCount >= Self.backlog || !context.hasInput else { return }
        // Those let in must be on their event loops first: the bootstrap gives up what it is still setting up.
        let turns = loops.map { $0.submit {} }
        EventLoopFuture.andAllComplete(turns, on: context.eventLoop).assumeIsolated().whenComplete { _ in
            context.close(promise: nil)
        }
    }
}
