import NIOCore

#if canImport(Glibc)
    import Glibc
#else
    import Musl
#endif

/// Tasks that work for a connection: they check passwords, make responses, and produce streamed bodies.
extension ConnectionHandler {
    /// Takes what is slow off the event loop. Only the end of the connection cancels it.
    func later<Value: Sendable>(
        _ make: @escaping @Sendable () async -> Value, cancelled: @escaping @Sendable (Value) -> Void = { _ in },
        then: @escaping @Sendable (ConnectionHandler, Value) -> Void
    ) {
        guard let context else { return }
        let connection = NIOLoopBound(self, eventLoop: context.eventLoop)
        task = Task {
            let value = await make()
            // The event loop may be gone with the connection.
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

    func start(_ stream: ResponseStream, _ produce: @escaping @Sendable (BodyWriter) async throws -> Void) {
        guard let context, state.phase == .answering else { return }
        self.stream = stream
        streamNumber += 1
        let number = streamNumber
        let connection = NIOLoopBound(self, eventLoop: context.eventLoop)
        let writer = BodyWriter { bytes in
            guard !Task.isCancelled else { throw BodyWriterError.ended }
            try await withCheckedThrowingContinuation { (written: CheckedContinuation<Void, any Error>) in
                connection.eventLoop.execute {
                    connection.value.write(bytes, toStream: number) { written.resume(with: $0) }
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
            connection.eventLoop.execute {
                connection.value.endStream(number, isWhole: isWhole)
            }
        }
    }

    private func write(
        _ bytes: ByteBuffer, toStream number: Int, then report: @escaping (Result<Void, any Error>) -> Void
    ) {
        guard number == streamNumber, stream != nil else {
            report(.failure(BodyWriterError.ended))
            return
        }
        do {
            let framed = try stream?.frame(bytes) ?? []
            send(framed, failed: { report(.failure(BodyWriterError.ended)) }, sent: { _ in report(.success(())) })
        } catch {
            report(.failure(error))
        }
    }

    private func endStream(_ number: Int, isWhole: Bool) {
        guard number == streamNumber, let stream = stream.take() else { return }
        task = nil
        if isWhole, let end = stream.end() {
            send(end, sent: { $0.finishResponse() })
        } else {
            if stream.framing == .untilClose, let socket = context?.channel as? any SocketOptionProvider {
                // An orderly close would mean that the body is whole.
                _ = socket.setSoLinger(linger(l_onoff: 1, l_linger: 0))
            }
            close()
        }
    }
}
