import NIOCore

/// The way out: from replies to bytes on the socket.
extension ConnectionHandler {
    func send(_ reply: Reply) {
        switch reply {
        case .now(let response): send(response)
        case .later(let make): later(make, cancelled: { $0.onEnd?() }) { $0.send($1) }
        case .raw(let write): sendRaw(write)
        case .afterBody: send(gatekeeper.refuse(status: 500))
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
            guard !Task.isCancelled else {
                cancelled(value)
                return
            }
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
        let head = state.startResponse(response)
        var buffer = context.channel.allocator.buffer(capacity: 512)
        head.write(to: &buffer, date: connections.currentDate)
        output.append(buffer)
        if head.sendsBody {
            for segment in response.body.segments {
                output.append(segment)
            }
        }
        completion = .response
        send()
    }

    private func sendRaw(_ write: @escaping @Sendable (RawWriter) async throws -> Void) {
        guard let context, state.phase == .answering || state.phase == .refusing else { return }
        state.startSending()
        let connection = NIOLoopBound(self, eventLoop: context.eventLoop)
        let writer = RawWriter { bytes in
            try await withCheckedThrowingContinuation { written in
                connection.eventLoop.execute { connection.value.send(bytes, then: written) }
            }
        }
        later {
            do {
                try await write(writer)
                return true
            } catch {
                return false
            }
        } then: { connection, isWhole in
            isWhole ? connection.finishResponse() : connection.close()
        }
    }

    private func send(_ bytes: ByteBuffer, then written: CheckedContinuation<Void, any Error>) {
        guard context != nil, state.phase != .closed else {
            written.resume(throwing: ChannelError.ioOnClosedChannel)
            return
        }
        output.append(bytes)
        completion = .rawWrite(written)
        send()
    }

    /// Begins to write the output, without copying.
    func send() {
        state.send(bytes: output.queuedBytes)
        writeOutput()
        watchProgress()
    }

    private func writeOutput() {
        // A write may be done before it returns. The loop goes on then, not a call within.
        guard !isSending, let context else { return }
        isSending = true
        while output.hasNext {
            while let (bytes, count) = output.next() {
                context.write(Self.wrapOutboundOut(.byteBuffer(bytes)), promise: count.map { reporting($0, context) })
            }
            context.flush()
        }
        isSending = false
    }

    private func reporting(_ count: Int, _ context: ChannelHandlerContext) -> EventLoopPromise<Void> {
        let promise = context.eventLoop.makePromise(of: Void.self)
        promise.futureResult.assumeIsolated().whenComplete { result in
            guard case .success = result else {
                self.close()
                return
            }
            self.output.written(count)
            if self.output.isDone {
                self.completeSending()
            } else {
                self.writeOutput()
            }
        }
        return promise
    }

    /// Called when the system has taken all output.
    private func completeSending() {
        watchProgress()
        switch completion.take() {
        case .response: finishResponse()
        case .rawWrite(let written): written.resume()
        case nil: break
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
