import NIOCore

/// The way out: from replies to bytes on the socket.
extension ConnectionHandler {
    /// The bytes encrypted at once for a client that does not keep up; a channel that holds as many takes no more.
    ///
    /// Each connection has an encrypted copy of its own: without a limit, every slow reader would cost the size of the
    /// whole response.
    static let windowBytes = 128 * 1024
    /// The bytes written at once without TLS, so that parts which are made when they are sent do not pile up.
    private static let plainWindowBytes = 1024 * 1024

    func send(_ reply: Reply) {
        switch reply {
        case .now(let response): send(response)
        case .later(let make): later(make, cancelled: { $0.onEnd?() }) { $0.send($1) }
        case .raw(let write): sendRaw(write)
        case .afterBody: send(.refusal(status: 500))
        }
    }

    /// Takes slow work off the event loop. It is cancelled only by the end of the connection.
    func later<Value: Sendable>(
        _ make: @escaping @Sendable () async -> Value, cancelled: @escaping @Sendable (Value) -> Void = { _ in },
        then: @escaping @Sendable (ConnectionHandler, Value) -> Void
    ) {
        guard let context else { return }
        let connection = NIOLoopBound(self, eventLoop: context.eventLoop)
        task = Task {
            let value = await make()
            guard !Task.isCancelled else { return cancelled(value) }
            connection.eventLoop.execute {
                connection.value.task = nil
                then(connection.value, value)
            }
        }
    }

    /// Sends the response to the request under way, or ends it at once if the connection is gone.
    private func send(_ response: Response) {
        guard let context, state.phase == .answering || state.phase == .refusing else {
            response.onEnd?()
            return
        }
        onStall = response.onStall
        onEnd = response.onEnd
        let response = security?.current.access.finish(response) ?? response
        let head = state.startResponse(response)
        var buffer = context.channel.allocator.buffer(capacity: 512)
        head.write(to: &buffer, date: connections.currentDate)
        send([.init(buffer)] + (head.sendsBody ? response.body.parts : []), context)
            .assumeIsolated().whenSuccess { self.finishResponse() }
    }

    private func sendRaw(_ write: @escaping @Sendable (RawWriter) async throws -> Void) {
        guard let context, state.phase == .answering || state.phase == .refusing else { return }
        state.startSending()
        let connection = NIOLoopBound(self, eventLoop: context.eventLoop)
        let writer = RawWriter { bytes in
            try await connection.eventLoop.flatSubmit {
                guard let context = connection.value.context, connection.value.state.phase != .closed else {
                    return connection.eventLoop.makeFailedFuture(ChannelError.ioOnClosedChannel)
                }
                return connection.value.send([.init(bytes)], context)
            }.get()
        }
        later {
            (try? await write(writer)) != nil
        } then: { connection, isWhole in
            isWhole ? connection.finishResponse() : connection.close()
        }
    }

    /// Begins to write these bytes, without copying. Completes when the system has taken all output.
    @discardableResult
    func send(_ parts: [Body.Part], _ context: ChannelHandlerContext) -> EventLoopFuture<Void> {
        output.append(contentsOf: parts)
        let count = parts.reduce(0) { $0 + $1.count }
        queuedBytes += count
        state.send(bytes: count)
        let sent = completion ?? context.eventLoop.makePromise()
        completion = sent
        sent.futureResult.assumeIsolated().whenComplete { result in
            if case .success = result { self.watchProgress() } else { self.close() }
        }
        writeOutput()
        watchProgress()
        return sent.futureResult
    }

    func channelWritabilityChanged(context: ChannelHandlerContext) {
        writeOutput()
        context.fireChannelWritabilityChanged()
    }

    private func writeOutput() {
        // The channel may become writable before a flush returns.
        guard !isWriting, let context, !output.isEmpty, context.channel.isWritable else { return }
        isWriting = true
        var room = rules == nil ? Self.plainWindowBytes : Self.windowBytes
        while room > 0, let part = output.popFirst() {
            var bytes = part.bytes()
            // Without TLS nothing is copied, and so nothing need be cut.
            if rules != nil, let first = bytes.readableBytes > room ? bytes.readSlice(length: room) : nil {
                output.prepend(.init(bytes))
                bytes = first
            }
            room -= bytes.readableBytes
            queuedBytes -= bytes.readableBytes
            let promise = output.isEmpty ? completion.take() : nil
            context.write(Self.wrapOutboundOut(.byteBuffer(bytes)), promise: promise)
        }
        context.flush()
        isWriting = false
        // It takes time to make or encrypt: others on this event loop have their turn in between.
        if !output.isEmpty, context.channel.isWritable {
            context.eventLoop.assumeIsolated().execute { self.writeOutput() }
        }
    }

    private func finishResponse() {
        guard let context else { return }
        onStall = nil
        onEnd.take()?()
        perform(state.finishResponse(hasMore: !queue.isEmpty, now: context.eventLoop.now))
        serveQueue()
    }

    func closeOutput() {
        guard let context else { return }
        let closed = context.eventLoop.makePromise(of: Void.self)
        closed.futureResult.assumeIsolated().whenFailure { _ in self.close() }
        context.close(mode: .output, promise: closed)
        readIfWanted()
    }
}
