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

    /// The number of bytes.
    public var count: Int { segments.reduce(0) { $0 + $1.readableBytes } }
}
