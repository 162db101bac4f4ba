import Logging
import NIOCore
import NIOHTTP1

/// Serves the requests of one connection, one after the other: carries out what `ConnectionState` decides.
final class ConnectionHandler: ChannelInboundHandler {
    typealias InboundIn = HTTPServerRequestPart
    typealias OutboundOut = IOData

    private enum Item {
        case part(HTTPServerRequestPart)
        case malformed(status: Int)
    }

    private let gatekeeper: Gatekeeper
    private let loop: LoopContext
    private let logger: Logger
    var state: ConnectionState
    var context: ChannelHandlerContext?
    var gate: InputGate?
    /// Holds what cannot be encrypted yet; nil without TLS.
    var pacer: WritePacer?

    private var client = ClientAddress.unknown
    private let presence = ClientPresence()
    /// The rules under which the connection was made.
    var rules = TLSRules.plain

    /// Parsed, but not yet served: at most what one read from the socket held.
    private var queue = CircularBuffer<Item>(initialCapacity: 0)
    private var isServing = false

    private var timer: (at: NIODeadline, scheduled: Scheduled<Void>)?
    var task: Task<Void, Never>?
    private var onStall: (@Sendable () -> Void)?
    private var onEnd: (@Sendable () -> Void)?
    var stream: ResponseStream?
    var streamNumber = 0

    init(
        limits: Limits, loop: LoopContext, logger: Logger, now: NIODeadline, gatekeeper: Gatekeeper
    ) {
        self.gatekeeper = gatekeeper
        self.loop = loop
        self.logger = logger
        state = ConnectionState(limits: limits, now: now)
    }

    // MARK: - The channel

    func handlerAdded(context: ChannelHandlerContext) {
        self.context = context
        loop.add(self)
        if context.channel.isActive {
            begin(context)
        }
    }

    func channelActive(context: ChannelHandlerContext) {
        begin(context)
        context.fireChannelActive()
    }

    private func begin(_ context: ChannelHandlerContext) {
        client = ClientAddress(context.remoteAddress)
        if loop.isClosed {
            close()
        } else if loop.isDraining {
            drain()
        } else {
            armTimer()
        }
        readIfWanted()
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
        presence.leave()
        timer?.scheduled.cancel()
        timer = nil
        task?.cancel()
        task = nil
        stream = nil
        queue.removeAll()
        onStall = nil
        onEnd.take()?()
        loop.remove(self)
    }

    // MARK: - Requests

    /// Called by the gate before bytes reach the parser.
    func bytesArrived(_ count: Int) -> ConnectionState.Input {
        if let context {
            let now = context.eventLoop.now
            if state.input == .discard {
                state.discard(bytes: count, now: now)
            }
            state.receiveBytes(now: now)
            armTimer()
        }
        return state.input
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        let part = Self.unwrapInboundIn(data)
        guard queue.isEmpty, state.input == .parse else {
            queue.append(.part(part))
            return
        }
        let wasServing = isServing
        isServing = true
        perform(state.receive(part, now: context.eventLoop.now))
        isServing = wasServing
    }

    func channelReadComplete(context: ChannelHandlerContext) {
        readIfWanted()
        context.fireChannelReadComplete()
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        guard let status = Self.status(for: error) else {
            // A failed socket: the channel closes itself, and nobody is left to tell.
            close()
            return
        }
        queue.append(.malformed(status: status))
        if !isServing {
            serve()
        }
    }

    func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
        if let event = event as? ChannelEvent, event == .inputClosed {
            presence.leave()
            perform(state.closeInput(hasMore: hasMore))
        }
        context.fireUserInboundEventTriggered(event)
    }

    /// The status that tells a client of its mistake, nil for what is not the parser's error.
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

    private var hasMore: Bool {
        !queue.isEmpty || gate?.isHolding == true
    }

    /// Goes on with what has been received already, until a request is being answered or nothing is left.
    private func serve() {
        guard !isServing, let context else { return }
        isServing = true
        repeat {
            while state.input == .parse, let item = queue.popFirst() {
                switch item {
                case .part(let part): perform(state.receive(part, now: context.eventLoop.now))
                case .malformed(let status): perform(state.fail(status: status))
                }
            }
            if state.input == .parse {
                gate?.release()
            }
        } while state.input == .parse && hasMore
        isServing = false
        readIfWanted()
    }

    private func readIfWanted() {
        if state.wantsInput {
            context?.read()
        }
    }

    // MARK: - Effects

    private func perform(_ effect: ConnectionState.Effect) {
        switch effect {
        case .none:
            armTimer()
        case .judge(let request):
            judge(identified(request))
        case .answer(let request):
            answer(identified(request))
        case .proceed:
            send([ByteBuffer(staticString: "HTTP/1.1 100 Continue\r\n\r\n")])
        case .refuse(let status):
            logger.debug("Refused a request", metadata: ["status": "\(status)"])
            refuse(gatekeeper.refuse(status: status))
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

    private func identified(_ request: Request) -> Request {
        var request = request
        request.client = client
        request.presence = presence
        return request
    }

    private func judge(_ request: Request) {
        switch gatekeeper.judge(request) {
        case .allowed:
            admit()
        case .refused(let response):
            deny(response)
        case .uncertain(let check):
            later(check) { connection, refusal in
                if let refusal {
                    connection.deny(refusal)
                } else {
                    connection.admit()
                }
                connection.serve()
            }
        }
    }

    private func admit() {
        guard let context else { return }
        perform(state.admit(hasMore: hasMore, now: context.eventLoop.now))
    }

    private func deny(_ response: Response) {
        state.deny()
        refuse(response)
    }

    private func refuse(_ response: Response) {
        if state.phase == .refusing {
            queue.removeAll()
            gate?.discard()
        }
        respond(response)
    }

    private func answer(_ request: Request) {
        switch gatekeeper.answer(request) {
        case .now(let response): respond(response)
        case .later(let make): later(make, cancelled: { $0.onEnd?() }) { $0.respond($1) }
        }
    }

    /// Sends a response to the request under way, or ends it at once where the connection is gone.
    private func respond(_ response: Response) {
        guard let context, state.phase == .answering || state.phase == .refusing else {
            response.onEnd?()
            return
        }
        onStall = response.onStall
        onEnd = response.onEnd
        let head = state.startResponse(response)
        var bytes: [ByteBuffer] = []
        if !response.isVerbatim {
            var buffer = context.channel.allocator.buffer(capacity: 512)
            head.write(to: &buffer, date: loop.currentDate)
            bytes.append(buffer)
        }
        switch response.body.storage {
        case .segments(let segments):
            if head.sendsBody {
                bytes.append(contentsOf: segments)
            }
            send(bytes, sent: { $0.finishResponse() })
        case .stream where !head.sendsBody:
            send(bytes, sent: { $0.finishResponse() })
        case .stream(_, let produce):
            send(bytes)
            start(ResponseStream(framing: head.framing), produce)
        }
    }

    /// Writes and flushes at once, without copying. `sent` follows when the system has taken the last byte, `failed`
    /// when it never will; then the connection is closed.
    func send(
        _ buffers: [ByteBuffer], failed: (() -> Void)? = nil, sent: ((ConnectionHandler) -> Void)? = nil
    ) {
        guard let context else {
            failed?()
            return
        }
        guard let last = buffers.last else {
            sent?(self)
            return
        }
        state.send(bytes: buffers.reduce(0) { $0 + $1.readableBytes })
        for buffer in buffers.dropLast() {
            context.write(Self.wrapOutboundOut(.byteBuffer(buffer)), promise: nil)
        }
        let promise = context.eventLoop.makePromise(of: Void.self)
        promise.futureResult.assumeIsolated().whenComplete { result in
            switch result {
            case .success:
                self.watchProgress()
                sent?(self)
            case .failure:
                failed?()
                self.close()
            }
        }
        context.writeAndFlush(Self.wrapOutboundOut(.byteBuffer(last)), promise: promise)
        watchProgress()
    }

    func finishResponse() {
        guard let context else { return }
        onStall = nil
        onEnd.take()?()
        perform(state.finishResponse(hasMore: hasMore, now: context.eventLoop.now))
        serve()
    }

    private func closeOutput() {
        guard let context else { return }
        let closed = context.eventLoop.makePromise(of: Void.self)
        closed.futureResult.assumeIsolated().whenFailure { _ in self.close() }
        context.close(mode: .output, promise: closed)
        readIfWanted()
    }

    /// The connection's state as a candidate to be closed for newcomers; `nil` while it must stay.
    var candidate: Eviction.Candidate? {
        context.flatMap { state.candidate(unsentBytes: unsentBytes, now: $0.eventLoop.now) }
    }

    /// Ends the connection after the request under way if it was made under other rules than these.
    func drain(unlessUnder rules: TLSRules) {
        if self.rules != rules {
            drain()
        }
    }

    /// Closes the connection if it is idle, and lets it end its work otherwise.
    func drain() {
        guard let context else { return }
        perform(state.drain(hasInput: context.hasInput, now: context.eventLoop.now))
    }

    func close() {
        perform(state.close())
    }

    // MARK: - Deadlines

    private var unsentBytes: Int {
        let options = context?.channel.syncOptions
        return ((try? options?.getOption(.bufferedWritableBytes)) ?? 0) + (pacer?.heldBytes ?? 0)
    }

    /// Lets the write deadline run while, and only while, the client leaves bytes of a response waiting.
    private func watchProgress() {
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
