import Logging
import NIOCore
import NIOHPACK
import NIOHTTP1
import NIOHTTP2

/// Serves one request of HTTP/2: carries out what `ConnectionState` decides, as if the stream were a connection that
/// is closed after its first request.
final class HTTP2Stream: ChannelInboundHandler {
    typealias InboundIn = HTTP2Frame.FramePayload
    typealias OutboundOut = HTTP2Frame.FramePayload

    /// Bytes of a body written as one, which is how finely the client's progress is seen.
    static let pieceBytes = 16 * 1024

    private let connection: HTTP2Connection
    private let handler: Handler
    private let refuse: @Sendable (Int) -> Response
    private let limits: Limits
    private let loop: LoopContext
    private let logger: Logger
    private var state: ConnectionState
    private var context: ChannelHandlerContext?
    private var hasHead = false

    private var timer: (at: NIODeadline, scheduled: Scheduled<Void>)?
    private var task: Task<Void, Never>?
    private var onEnd: (@Sendable () -> Void)?
    private var stream: ResponseStream?
    private var unsentBytes = 0
    /// Writes whose end the connection must wait for.
    private var unsentWrites = 0
    private var isClosed = false
    private var hasLeft = false

    init(
        connection: HTTP2Connection, limits: Limits, loop: LoopContext, logger: Logger, now: NIODeadline,
        handler: @escaping Handler, refuse: @escaping @Sendable (Int) -> Response
    ) {
        self.connection = connection
        self.handler = handler
        self.refuse = refuse
        self.limits = limits
        self.loop = loop
        self.logger = logger
        state = ConnectionState(limits: limits, now: now)
    }

    // MARK: - The channel

    func handlerAdded(context: ChannelHandlerContext) {
        self.context = context
        connection.streamBegan()
        armTimer()
    }

    func channelInactive(context: ChannelHandlerContext) {
        end()
        leave()
        context.fireChannelInactive()
    }

    func handlerRemoved(context: ChannelHandlerContext) {
        end()
        leave()
        self.context = nil
    }

    private func leave() {
        isClosed = true
        leaveIfSent()
    }

    private func leaveIfSent() {
        guard isClosed, unsentWrites == 0, !hasLeft else { return }
        hasLeft = true
        connection.streamEnded()
    }

    private func end() {
        _ = state.close()
        timer?.scheduled.cancel()
        timer = nil
        task?.cancel()
        task = nil
        stream = nil
        onEnd.take()?()
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        context.close(promise: nil)
    }

    // MARK: - The request

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        switch Self.unwrapInboundIn(data) {
        case .headers(let block):
            if !hasHead {
                hasHead = true
                receiveHead(block.headers)
            }
            // Fields after the body say nothing that is asked for here.
            if block.endStream {
                receive(.end(nil))
            }
        case .data(let block):
            if case .byteBuffer(let bytes) = block.data, bytes.readableBytes > 0 {
                receive(.body(bytes))
            }
            if block.endStream {
                receive(.end(nil))
            }
        default:
            break
        }
    }

    private func receiveHead(_ fields: HPACKHeaders) {
        guard fields.count <= limits.headerCount else {
            perform(state.fail(status: 431))
            return
        }
        // That the pseudo-fields are there, and once, has been checked; CONNECT alone has no path.
        let target = fields.first(name: ":path") ?? fields.first(name: ":authority") ?? ""
        var headers = HTTPHeaders()
        headers.reserveCapacity(fields.count)
        let authority = fields.first(name: ":authority")
        if let authority {
            headers.add(name: "host", value: authority)
        }
        for (name, value, _) in fields where !name.hasPrefix(":") && !(name == "host" && authority != nil) {
            headers.add(name: name, value: value)
        }
        receive(
            .head(
                HTTPRequestHead(
                    version: .http1_1, method: HTTPMethod(rawValue: fields.first(name: ":method") ?? ""), uri: target,
                    headers: headers)))
    }

    private func receive(_ part: HTTPServerRequestPart) {
        guard let context else { return }
        perform(state.receive(part, now: context.eventLoop.now))
    }

    // MARK: - Effects

    private func perform(_ effect: ConnectionState.Effect) {
        switch effect {
        case .none:
            armTimer()
        case .answer(let request):
            answer(request)
        case .proceed:
            write(.headers(.init(headers: [":status": "100"])))
        case .refuse(let status):
            logger.debug("Refused a request", metadata: ["status": "\(status)"])
            respond(refuse(status))
        case .closeOutput, .close:
            reset(.cancel)
        }
    }

    private func answer(_ request: Request) {
        var request = request
        request.client = ClientAddress(context?.channel.remoteAddress)
        switch handler(request) {
        case .now(let response):
            respond(response)
        case .later(let make):
            guard let context else { return }
            let bound = NIOLoopBound(self, eventLoop: context.eventLoop)
            task = Task {
                let response = await make()
                guard !Task.isCancelled else {
                    response.onEnd?()
                    return
                }
                bound.eventLoop.execute { bound.value.respond(response) }
            }
        }
    }

    private func respond(_ response: Response) {
        guard let context, state.phase == .answering || state.phase == .refusing, !response.isVerbatim else {
            // Bytes that are to stand in place of a response have no form here.
            response.onEnd?()
            if response.isVerbatim {
                reset(.internalError)
            }
            return
        }
        task = nil
        onEnd = response.onEnd
        let head = state.startResponse(response)
        let fields = head.fields(date: loop.currentDate)
        switch response.body.storage {
        case .stream(_, let produce) where head.sendsBody:
            write(.headers(.init(headers: fields)))
            start(head.framing, produce)
        case .segments(let segments) where head.sendsBody && response.body.count != 0:
            write(.headers(.init(headers: fields)))
            send(segments, isLast: true) { $0.finish() }
        case .segments, .stream:
            let sent = context.eventLoop.makePromise(of: Void.self)
            whenSent(sent) { $0.finish() }
            write(.headers(.init(headers: fields, endStream: true)), promise: sent)
        }
    }

    /// Writes the bytes in pieces and flushes. `sent` follows when the system has taken the last, `failed` when it
    /// never will.
    private func send(
        _ buffers: [ByteBuffer], isLast: Bool, failed: (() -> Void)? = nil, sent: @escaping (HTTP2Stream) -> Void
    ) {
        guard let context else {
            failed?()
            return
        }
        state.send(bytes: buffers.reduce(0) { $0 + $1.readableBytes })
        var pieces: [ByteBuffer] = []
        for var buffer in buffers {
            while let piece = buffer.readSlice(length: min(buffer.readableBytes, Self.pieceBytes)),
                piece.readableBytes > 0
            {
                pieces.append(piece)
            }
        }
        if pieces.isEmpty {
            pieces.append(ByteBuffer())
        }
        for (number, piece) in pieces.enumerated() {
            let isEnd = number == pieces.count - 1
            let count = piece.readableBytes
            unsentBytes += count
            let promise = context.eventLoop.makePromise(of: Void.self)
            whenSent(promise, failed: isEnd ? failed : nil) { stream in
                stream.unsentBytes -= count
                stream.watchProgress()
                if isEnd {
                    sent(stream)
                }
            }
            context.write(
                Self.wrapOutboundOut(.data(.init(data: .byteBuffer(piece), endStream: isLast && isEnd))),
                promise: promise)
        }
        context.flush()
        watchProgress()
    }

    private func whenSent(
        _ promise: EventLoopPromise<Void>, failed: (() -> Void)? = nil, then: @escaping (HTTP2Stream) -> Void
    ) {
        unsentWrites += 1
        promise.futureResult.assumeIsolated().whenComplete { result in
            self.unsentWrites -= 1
            switch result {
            case .success:
                then(self)
            case .failure:
                failed?()
                self.reset(.cancel)
            }
            self.leaveIfSent()
        }
    }

    private func write(_ payload: HTTP2Frame.FramePayload, promise: EventLoopPromise<Void>? = nil) {
        guard let context else {
            promise?.fail(ChannelError.ioOnClosedChannel)
            return
        }
        context.writeAndFlush(Self.wrapOutboundOut(payload), promise: promise)
    }

    /// The response has been sent in full. A request that has not come in full is not awaited any longer.
    private func finish() {
        onEnd.take()?()
        if state.phase == .refusing {
            reset(.noError)
        }
        end()
    }

    /// Ends the stream, if it has not ended by itself.
    private func reset(_ code: HTTP2ErrorCode) {
        guard let context, state.phase != .closed || context.channel.isActive else { return }
        _ = state.close()
        write(.rstStream(code))
        context.close(promise: nil)
    }

    // MARK: - Streamed bodies

    private func start(
        _ framing: ResponseHead.Framing, _ produce: @escaping @Sendable (BodyWriter) async throws -> Void
    ) {
        guard let context else { return }
        // Without a length, the end of the stream is the end of the body.
        if case .length = framing {
            stream = ResponseStream(framing: framing)
        } else {
            stream = ResponseStream(framing: .untilClose)
        }
        let bound = NIOLoopBound(self, eventLoop: context.eventLoop)
        let writer = BodyWriter { bytes in
            guard !Task.isCancelled else { throw BodyWriterError.ended }
            try await withCheckedThrowingContinuation { (written: CheckedContinuation<Void, any Error>) in
                bound.eventLoop.execute {
                    bound.value.write(bytes) { written.resume(with: $0) }
                }
            }
        }
        task = Task {
            let isWhole: Bool
            do {
                try await produce(writer)
                isWhole = true
            } catch {
                isWhole = false
            }
            guard !Task.isCancelled else { return }
            bound.eventLoop.execute { bound.value.endStream(isWhole: isWhole) }
        }
    }

    private func write(_ bytes: ByteBuffer, then report: @escaping (Result<Void, any Error>) -> Void) {
        guard stream != nil else {
            report(.failure(BodyWriterError.ended))
            return
        }
        do {
            let framed = try stream?.frame(bytes) ?? []
            guard !framed.isEmpty else {
                report(.success(()))
                return
            }
            send(framed, isLast: false, failed: { report(.failure(BodyWriterError.ended)) }) { _ in
                report(.success(()))
            }
        } catch {
            report(.failure(error))
        }
    }

    private func endStream(isWhole: Bool) {
        guard let stream = stream.take() else { return }
        task = nil
        if isWhole, stream.end() != nil {
            send([], isLast: true) { $0.finish() }
        } else {
            reset(.internalError)
        }
    }

    // MARK: - Deadlines

    private func watchProgress() {
        guard let context else { return }
        if unsentBytes > 0 {
            state.stall(unsentBytes: unsentBytes, now: context.eventLoop.now)
            armTimer()
        } else {
            state.unstall(now: context.eventLoop.now)
        }
    }

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
