import Logging
import NIOCore
import NIOHTTP1

/// Serves the requests of one connection, one after the other: carries out what `ConnectionState` decides.
final class ConnectionHandler: ChannelInboundHandler {
    typealias InboundIn = HTTPServerRequestPart
    typealias OutboundOut = IOData

    enum Input {
        case part(HTTPServerRequestPart)
        case malformed(status: Int)
    }

    let security: LiveSecurity?
    private let handler: Handler
    let connections: EventLoopConnections
    private let logger: Logger
    var state: ConnectionState
    var context: ChannelHandlerContext?

    private var client = Client()
    /// The rules under which the connection was made; `nil` for plain HTTP.
    let rules: TLSRules?
    /// Parsed, but not yet served: at most the content of one read from the socket.
    var queue = CircularBuffer<Input>(initialCapacity: 0)
    private var isServing = false
    /// Bytes not given to the channel yet, and their number.
    var output = CircularBuffer<Body.Part>(initialCapacity: 0)
    var queuedBytes = 0
    var isWriting = false
    /// Completes when the system has taken all output.
    var completion: EventLoopPromise<Void>?

    private var timer: (at: NIODeadline, scheduled: Scheduled<Void>)?
    var task: Task<Void, Never>?
    var onStall: (@Sendable () -> Void)?
    var onEnd: (@Sendable () -> Void)?

    init(_ pipeline: ConnectionPipeline, among connections: EventLoopConnections, rules: TLSRules?, now: NIODeadline) {
        security = pipeline.security
        handler = pipeline.handler
        logger = pipeline.logger
        self.connections = connections
        state = ConnectionState(limits: pipeline.limits, now: now)
        self.rules = rules
    }

    // MARK: The channel

    func handlerAdded(context: ChannelHandlerContext) {
        self.context = context
        connections.add(self)
    }

    func channelActive(context: ChannelHandlerContext) {
        client.address = ClientAddress(context.remoteAddress)
        if connections.isClosed {
            close()
        } else if connections.isDraining {
            drain()
        } else {
            armTimer()
        }
        readIfWanted()
        context.fireChannelActive()
    }

    func channelInactive(context: ChannelHandlerContext) {
        end()
        context.fireChannelInactive()
    }

    func handlerRemoved(context: ChannelHandlerContext) {
        end()
        self.context = nil
    }

    private func end() {
        _ = state.close()
        client.presence.leave()
        timer.take()?.scheduled.cancel()
        task.take()?.cancel()
        queue.removeAll()
        output.removeAll()
        queuedBytes = 0
        completion.take()?.fail(ChannelError.ioOnClosedChannel)
        onStall = nil
        onEnd.take()?()
        connections.remove(self)
    }

    // MARK: Input

    func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
        switch event {
        case let arrival as InputBufferHandler.Arrival:
            state.receiveBytes(arrival.count, now: context.eventLoop.now)
            armTimer()
        case is TLSHandshakeHandler.CertificateShown:
            client.hasCertificate = true
        case ChannelEvent.inputClosed:
            client.presence.leave()
            perform(state.closeInput(hasMore: !queue.isEmpty))
        default:
            context.fireUserInboundEventTriggered(event)
        }
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        receive(.part(Self.unwrapInboundIn(data)))
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        if let status = Self.status(for: error) {
            receive(.malformed(status: status))
        } else {
            // A failed socket: the channel closes itself, and nobody is left to tell.
            close()
        }
    }

    /// Returns the status that tells a client of its mistake, or `nil` for an error that is not the parser's.
    private static func status(for error: any Error) -> Int? {
        switch error {
        case HTTPParserError.headerOverflow: 431
        case is ByteToMessageDecoderError.PayloadTooLargeError: 431
        // The preface of HTTP/2 makes the parser pause.
        case HTTPParserError.invalidVersion, HTTPParserError.paused: 505
        case is HTTPParserError, is ByteToMessageDecoderError: 400
        default: nil
        }
    }

    private func receive(_ input: Input) {
        switch state.input {
        case .parse where queue.isEmpty:
            let wasServing = isServing
            isServing = true
            serve(input)
            isServing = wasServing
        case .parse, .hold: queue.append(input)
        case .discard: break
        }
    }

    private func serve(_ input: Input) {
        guard let context else { return }
        switch input {
        case .part(let part): perform(state.receive(part, now: context.eventLoop.now))
        case .malformed(let status): perform(state.fail(status: status))
        }
    }

    /// Goes on with what has been parsed already, until a request is being answered or nothing is left.
    func serveQueue() {
        guard !isServing else { return }
        isServing = true
        while state.input == .parse, let input = queue.popFirst() {
            serve(input)
        }
        isServing = false
        readIfWanted()
    }

    func channelReadComplete(context: ChannelHandlerContext) {
        readIfWanted()
        context.fireChannelReadComplete()
    }

    func readIfWanted() {
        if state.wantsInput { context?.read() }
    }

    // MARK: Requests

    func perform(_ effect: ConnectionState.Effect) {
        switch effect {
        case .none:
            armTimer()
        case .judge(let request):
            judge(request)
        case .answer(let request):
            send(handler(request))
        case .proceed:
            if let context {
                send([.init(ByteBuffer(staticString: "HTTP/1.1 100 Continue\r\n\r\n"))], context)
            }
        case .refuse(let status):
            logger.debug("Refused a request", metadata: ["status": "\(status)"])
            queue.removeAll()
            send(.now(.refusal(status: status)))
        case .reportStall:
            armTimer()
            onStall.take()?()
        case .closeOutput:
            armTimer()
            closeOutput()
        case .close:
            context?.close(promise: nil)
        }
    }

    private func judge(_ request: Request) {
        switch security?.current.access.judge(request, of: client) ?? .allowed {
        case .allowed: admit(request)
        case .refused(let response): refuse(.now(response))
        case .uncertain(let check):
            later(check) { connection, refusal in
                if let refusal {
                    connection.refuse(.now(refusal))
                } else {
                    connection.admit(request)
                }
                connection.serveQueue()
            }
        }
    }

    private func admit(_ request: Request) {
        guard let context else { return }
        if request.awaitsBody {
            let reply = handler(request)
            guard case .afterBody = reply else {
                refuse(reply)
                return
            }
        }
        perform(state.admit(hasMore: !queue.isEmpty, now: context.eventLoop.now))
    }

    /// Replies without reading the request's body.
    private func refuse(_ reply: Reply) {
        state.deny()
        if state.phase == .refusing { queue.removeAll() }
        send(reply)
    }

    // MARK: The end

    /// Completes when the connection has closed.
    var closed: EventLoopFuture<Void>? { context?.channel.closeFuture }

    /// The connection as a candidate for eviction; `nil` while it must stay.
    var candidate: EvictionPolicy.Candidate? {
        context.flatMap { state.candidate(unsentBytes: unsentBytes, now: $0.eventLoop.now) }
    }

    /// Closes the connection if it is idle, and lets it end its work otherwise.
    func drain() {
        guard let context else { return }
        perform(state.drain(hasInput: context.hasInput, now: context.eventLoop.now))
    }

    func close() {
        perform(state.close())
    }

    // MARK: Deadlines

    private var unsentBytes: Int {
        queuedBytes + ((try? context?.channel.syncOptions?.getOption(.bufferedWritableBytes)) ?? 0)
    }

    /// Lets the write deadline run while, and only while, the client leaves bytes of a response waiting.
    func watchProgress() {
        guard let context else { return }
        let unsentBytes = unsentBytes
        if unsentBytes > 0 {
            state.stall(unsentBytes: unsentBytes, now: context.eventLoop.now)
            armTimer()
        } else {
            state.unstall(now: context.eventLoop.now)
        }
    }

    /// Keeps one timer at or before the deadline; one that comes early looks again.
    private func armTimer() {
        guard let deadline = state.deadline, let context else { return }
        if let timer {
            guard deadline < timer.at else { return }
            timer.scheduled.cancel()
        }
        let scheduled = context.eventLoop.assumeIsolated().scheduleTask(deadline: deadline) {
            self.timer = nil
            self.perform(self.state.reachDeadline(unsentBytes: self.unsentBytes, now: context.eventLoop.now))
        }
        timer = (deadline, scheduled)
    }
}
