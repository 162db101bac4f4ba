public import NIOCore

/// The body of a response. Copies share the bytes, also while several connections send them.
public struct Body: Sendable {
    private(set) var segments: [ByteBuffer]

    /// No bytes.
    public static let empty = Body(segments: [])

    /// Shares the bytes of these buffers.
    public init(segments: [ByteBuffer]) {
        self.segments = segments.filter { $0.readableBytes > 0 }
    }

    /// Copies these bytes.
    public init(_ bytes: [UInt8]) {
        self.init(ByteBuffer(bytes: bytes))
    }

    /// Shares the bytes of this buffer.
    public init(_ bytes: ByteBuffer) {
        self.init(segments: [bytes])
    }

    /// The UTF-8 of this text.
    public init(_ text: String) {
        self.init(ByteBuffer(string: text))
    }

    /// Joins two bodies, without copying bytes.
    public static func + (first: Body, second: Body) -> Body {
        var both = first
        both.segments += second.segments
        return both
    }

    /// All bytes, copied.
    public var bytes: [UInt8] { segments.flatMap(\.readableBytesView) }

    /// The number of bytes.
    public var count: Int { segments.reduce(0) { $0 + $1.readableBytes } }
}
