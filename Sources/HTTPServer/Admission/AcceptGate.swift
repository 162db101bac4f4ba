import Logging
import NIOCore

#if canImport(Glibc)
    import Glibc
#else
    import Musl
#endif

/// Stands in a listener: lets connections in while there is room, and stops accepting while there is none or the
/// system has no resources for more. Meanwhile it asks for relief: that idle connections be closed.
///
/// Unaccepted connections wait in the system's backlog. To hold back single reads would not do: after a failed accept
/// the socket stays registered with its event loop, which is then told of the same connection again and again, at the
/// cost of a whole core.
final class AcceptGate: ChannelInboundHandler, ChannelOutboundHandler {
    typealias InboundIn = any Channel
    typealias InboundOut = any Channel
    typealias OutboundIn = Never

    /// An event that closes the listener once nothing is left to be let in.
    ///
    /// To close it at once would reset what waits in the backlog, requests that have arrived among them.
    struct Close {
        /// Whether the backlog counts. It does not if another process goes on with it.
        let takesBacklog: Bool
        /// The time to close at the latest.
        let deadline: NIODeadline
    }

    /// Connections that wait in the system at most. A client that finds it full tries again after a second only.
    static let backlog = 4096

    /// How long to wait for resources if no connection of ours gives some back before.
    static let pause = TimeAmount.seconds(1)

    /// How often a lack of resources is logged at most.
    static let logInterval = TimeAmount.minutes(1)

    private let admission: Admission
    private let relief: Relief?
    private let logger: Logger
    private var context: ChannelHandlerContext?

    /// Accepted in one go with the last that found room; served as soon as there is room again.
    private var held = CircularBuffer<any Channel>(initialCapacity: 0)
    private var isPaused = false
    private var nextLog: NIODeadline?
    private var closing: Close?
    /// Accepted since the listener is to be closed.
    private var lateCount = 0

    init(admission: Admission, relief: Relief? = nil, logger: Logger) {
        self.admission = admission
        self.relief = relief
        self.logger = logger
    }

    func handlerAdded(context: ChannelHandlerContext) {
        self.context = context
    }

    func handlerRemoved(context: ChannelHandlerContext) {
        self.context = nil
        while let channel = held.popFirst() {
            channel.close(promise: nil)
        }
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        held.append(Self.unwrapInboundIn(data))
        if closing != nil {
            lateCount += 1
        }
        letIn(context)
        if !held.isEmpty {
            pauseAccepting(context)
        }
    }

    func channelReadComplete(context: ChannelHandlerContext) {
        closeIfDone(context)
        context.fireChannelReadComplete()
    }

    func triggerUserOutboundEvent(context: ChannelHandlerContext, event: Any, promise: EventLoopPromise<Void>?) {
        guard let event = event as? Close else {
            context.triggerUserOutboundEvent(event, promise: promise)
            return
        }
        promise?.succeed()
        closing = event
        if !event.takesBacklog {
            pauseAccepting(context)
        }
        context.eventLoop.assumeIsolated().scheduleTask(deadline: event.deadline) { context.close(promise: nil) }
        closeIfDone(context)
    }

    /// No more are taken than were waiting: newcomers must not hold up the end.
    private func closeIfDone(_ context: ChannelHandlerContext) {
        guard let closing, held.isEmpty else { return }
        if !closing.takesBacklog || lateCount >= Self.backlog || !context.hasInput {
            close(context)
        }
    }

    /// Closes the listener once those let in are on their event loops: the bootstrap gives up what it is still setting up.
    private func close(_ context: ChannelHandlerContext) {
        let turns = (relief?.eventLoops ?? []).map { $0.submit {} }
        EventLoopFuture.andAllComplete(turns, on: context.eventLoop).assumeIsolated().whenComplete { _ in
            context.close(promise: nil)
        }
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        guard let error = error as? IOError, Self.isShortage(error) else {
            context.fireErrorCaught(error)
            return
        }
        let now = context.eventLoop.now
        if nextLog.map({ $0 <= now }) ?? true {
            nextLog = now + Self.logInterval
            logger.warning(
                "Connections wait: the system has no resources for more",
                metadata: ["error": "\(ErrorText.describe(errno: error.errnoCode))"])
        }
        guard !isPaused else { return }
        pauseAccepting(context)
        let gate = NIOLoopBound(self, eventLoop: context.eventLoop)
        admission.wait { gate.eventLoop.execute { gate.value.resume() } }
        relief?.ask(for: 1)
        context.eventLoop.assumeIsolated().scheduleTask(in: Self.pause) { self.resume() }
    }

    private func letIn(_ context: ChannelHandlerContext) {
        let gate = NIOLoopBound(self, eventLoop: context.eventLoop)
        while let channel = held.first {
            guard admission.enter(orWake: { gate.eventLoop.execute { gate.value.resume() } }) else {
                relief?.ask(for: held.count)
                return
            }
            held.removeFirst()
            let admission = admission
            channel.closeFuture.whenComplete { _ in admission.leave() }
            context.fireChannelRead(Self.wrapInboundOut(channel))
        }
    }

    private func pauseAccepting(_ context: ChannelHandlerContext) {
        guard !isPaused else { return }
        isPaused = true
        setAccepting(false, context)
    }

    private func resume() {
        guard let context, isPaused else { return }
        letIn(context)
        closeIfDone(context)
        if held.isEmpty {
            isPaused = false
            setAccepting(true, context)
        }
    }

    private func setAccepting(_ isAccepting: Bool, _ context: ChannelHandlerContext) {
        // Fails only on a closed listener, which accepts nothing anyway.
        try? context.channel.syncOptions?.setOption(.autoRead, value: isAccepting)
    }

    private static func isShortage(_ error: IOError) -> Bool {
        switch error.errnoCode {
        case EMFILE, ENFILE, ENOBUFS, ENOMEM: true
        default: false
        }
    }
}
