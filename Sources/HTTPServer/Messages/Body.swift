import NIOCore

/// The body of a response. Copies share the bytes, also while several connections send them.
public struct Body: Sendable {
    enum Storage: Sendable {
        case segments([ByteBuffer])
        case stream(length: Int?, produce: @Sendable (BodyWriter) async throws -> Void)
    }

    var storage: Storage

    /// No bytes.
    public static let empty = Body(storage: .segments([]))

    init(storage: Storage) {
        self.storage = storage
    }

    /// These bytes, copied once, here.
    public init(_ bytes: [UInt8]) {
        storage = .segments(bytes.isEmpty ? [] : [ByteBuffer(bytes: bytes)])
    }

    /// As many bytes as `count` says, all of which `fill` writes.
    public init(count: Int, _ fill: (UnsafeMutableRawBufferPointer) -> Void) {
        var buffer = ByteBufferAllocator().buffer(capacity: count)
        buffer.writeWithUnsafeMutableBytes(minimumWritableBytes: count) { room in
            fill(UnsafeMutableRawBufferPointer(rebasing: room[..<count]))
            return count
        }
        storage = .segments(count == 0 ? [] : [buffer])
    }

    /// The UTF-8 of this text.
    public init(_ text: String) {
        storage = .segments(text.isEmpty ? [] : [ByteBuffer(string: text)])
    }

    /// Both bodies, one after the other, without copying bytes. Neither may be a stream.
    public static func + (first: Body, second: Body) -> Body {
        guard case .segments(let head) = first.storage, case .segments(let tail) = second.storage else {
            preconditionFailure("a streamed body cannot be joined to another")
        }
        return Body(storage: .segments(head + tail))
    }

    /// Calls `body` with the bytes of this one, which is neither a stream nor joined from several.
    public func withUnsafeBytes<Result>(_ body: (UnsafeRawBufferPointer) throws -> Result) rethrows -> Result {
        guard case .segments(let segments) = storage, segments.count <= 1 else {
            preconditionFailure("the bytes of a body do not lie in one place")
        }
        guard let segment = segments.first else {
            return try body(UnsafeRawBufferPointer(start: nil, count: 0))
        }
        return try segment.withUnsafeReadableBytes(body)
    }

    /// The number of bytes, nil for a stream of unknown length.
    public var count: Int? {
        switch storage {
        case .segments(let segments): segments.reduce(0) { $0 + $1.readableBytes }
        case .stream(let length, _): length
        }
    }

    /// A body made while it is sent.
    ///
    /// With a length, `Content-Length` is sent. Without one the body is chunked, or ended by closing the connection
    /// for a client of HTTP/1.0. `produce` runs in a task that is cancelled when the connection ends, and not at all
    /// where no body is sent, as for `HEAD`. If it throws, or returns before `length` bytes, the connection is closed
    /// without completing the body, so that the client sees it cut short.
    public static func stream(
        length: Int?, _ produce: @escaping @Sendable (BodyWriter) async throws -> Void
    ) -> Body {
        Body(storage: .stream(length: length, produce: produce))
    }
}

/// Takes the bytes of a streamed body.
public struct BodyWriter: Sendable {
    let send: @Sendable (ByteBuffer) async throws -> Void

    /// Sends these bytes, and returns when the operating system has taken them.
    ///
    /// Throws `BodyWriterError` once the connection has ended, or where the bytes exceed the length promised.
    public func write(_ bytes: [UInt8]) async throws {
        try await send(ByteBuffer(bytes: bytes))
    }

    /// Sends the UTF-8 of this text, as the other `write` does.
    public func write(_ text: String) async throws {
        try await send(ByteBuffer(string: text))
    }
}

/// Why a part of a streamed body was not sent.
public enum BodyWriterError: Error, Equatable {
    /// The connection, or this response on it, has ended.
    case ended
    /// More bytes than the length given to `Body.stream`; none of this write were sent.
    case tooLong
}
