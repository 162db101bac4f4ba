public import NIOCore

/// The body of a response. Copies share the bytes that are there, also while several connections send them.
public struct Body: Sendable {
    /// Bytes that are there, or that are made on the event loop each time they are sent.
    public struct Part: Sendable {
        let count: Int
        let bytes: @Sendable () -> ByteBuffer

        /// Bytes to be made in less than a millisecond.
        ///
        /// - Parameters:
        ///   - count: their number.
        ///   - bytes: makes them.
        public init(count: Int, bytes: @escaping @Sendable () -> ByteBuffer) {
            self.count = count
            self.bytes = bytes
        }

        init(_ bytes: ByteBuffer) {
            self.init(count: bytes.readableBytes) { bytes }
        }
    }

    private(set) var parts: [Part]

    /// No bytes.
    public static let empty = Body(parts: [])

    /// The bytes of these parts.
    public init(parts: [Part]) {
        self.parts = parts.filter { $0.count > 0 }
    }

    /// Copies these bytes.
    public init(_ bytes: [UInt8]) {
        self.init(ByteBuffer(bytes: bytes))
    }

    /// Shares the bytes of this buffer.
    public init(_ bytes: ByteBuffer) {
        self.init(parts: [Part(bytes)])
    }

    /// The UTF-8 of this text.
    public init(_ text: String) {
        self.init(ByteBuffer(string: text))
    }

    /// Joins two bodies, without copying bytes.
    public static func + (first: Body, second: Body) -> Body {
        var both = first
        both.parts += second.parts
        return both
    }

    /// All bytes, copied.
    public var bytes: [UInt8] { parts.flatMap { $0.bytes().readableBytesView } }

    /// The number of bytes.
    public var count: Int { parts.reduce(0) { $0 + $1.count } }
}
