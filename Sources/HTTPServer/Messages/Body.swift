import NIOCore

/// The body of a response. Copies share the bytes, also while several connections send them.
public struct Body: Sendable {
    let segments: [ByteBuffer]

    /// No bytes.
    public static let empty = Body(segments: [])

    private init(segments: [ByteBuffer]) {
        self.segments = segments
    }

    /// Copies these bytes.
    public init(_ bytes: [UInt8]) {
        segments = bytes.isEmpty ? [] : [ByteBuffer(bytes: bytes)]
    }

    /// Makes a body of `count` bytes, all of which `fill` writes.
    public init(count: Int, _ fill: (UnsafeMutableRawBufferPointer) -> Void) {
        var buffer = ByteBufferAllocator().buffer(capacity: count)
        buffer.writeWithUnsafeMutableBytes(minimumWritableBytes: count) { room in
            fill(UnsafeMutableRawBufferPointer(rebasing: room[..<count]))
            return count
        }
        segments = count == 0 ? [] : [buffer]
    }

    /// The UTF-8 of this text.
    public init(_ text: String) {
        segments = text.isEmpty ? [] : [ByteBuffer(string: text)]
    }

    /// Joins two bodies, without copying bytes.
    public static func + (first: Body, second: Body) -> Body {
        Body(segments: first.segments + second.segments)
    }

    /// Calls `body` with the bytes of this one, which is not joined from several.
    public func withUnsafeBytes<Result>(_ body: (UnsafeRawBufferPointer) throws -> Result) rethrows -> Result {
        precondition(segments.count <= 1, "the bytes of a body do not lie in one place")
        return try (segments.first ?? ByteBuffer()).withUnsafeReadableBytes(body)
    }

    /// The number of bytes.
    public var count: Int { segments.reduce(0) { $0 + $1.readableBytes } }
}
