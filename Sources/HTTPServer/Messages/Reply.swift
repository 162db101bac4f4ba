import NIOCore

/// A handler's answer to a request.
public enum Reply: Sendable {
    /// Sent at once.
    case now(Response)
    /// Made in a task, which is cancelled if the connection ends first.
    case later(@Sendable () async -> Response)
    /// Asks for another call once the request's body has been read. Only for requests that await their body.
    case afterBody
    /// Written by a task, head included, for a simulator that plays a broken server.
    ///
    /// Returning ends the response, throwing closes the connection. The task is cancelled if the connection ends first.
    case raw(@Sendable (RawWriter) async throws -> Void)
}

/// Answers requests, on the event loop of their connection: it must not block, and takes what is slow into `.later`.
///
/// A request with a body is passed by its head first. Any answer but `.afterBody` is sent without reading the body,
/// which costs the client its connection.
public typealias Handler = @Sendable (Request) -> Reply

/// Writes the bytes of a raw reply. Must not be used once the reply has ended.
public struct RawWriter: Sendable {
    let send: @Sendable (ByteBuffer) async throws -> Void

    /// Returns when the operating system has taken these bytes. Throws if the connection has ended.
    public func write(_ bytes: some Sequence<UInt8>) async throws {
        try Task.checkCancellation()
        try await send(ByteBuffer(bytes: bytes))
    }

    /// Sends the UTF-8 of this text.
    public func write(_ text: String) async throws {
        try await write(text.utf8)
    }
}
