import NIOCore

/// The bytes of responses that are still to be written to the channel.
///
/// A paced one gives out only as much as the client takes. What is encrypted is a copy of its own for each connection:
/// without a limit, every slow reader would cost the size of the whole response.
struct PacedOutput {
    /// The bytes of a paced output that may be on their way at once, give or take a piece.
    static let windowBytes = 256 * 1024

    /// The maximum size of a paced piece.
    ///
    /// Larger buffers are cut to this size, not to the room left in the window. That could be a few bytes, and soon
    /// everything would go out in crumbs.
    static let pieceBytes = 64 * 1024

    let isPaced: Bool
    private var queue = CircularBuffer<ByteBuffer>(initialCapacity: 0)
    /// Bytes not given out yet.
    private(set) var queuedBytes = 0
    /// Bytes given out, but not yet taken by the system.
    private var pendingBytes = 0
    /// Bytes given out whose write is not reported.
    private var unreportedBytes = 0

    init(isPaced: Bool) {
        self.isPaced = isPaced
    }

    /// Whether the system has taken everything.
    var isDone: Bool { queue.isEmpty && pendingBytes == 0 }

    /// Whether the next piece may be written now.
    var hasNext: Bool { !queue.isEmpty && (!isPaced || pendingBytes < Self.windowBytes) }

    mutating func append(_ bytes: ByteBuffer) {
        queuedBytes += bytes.readableBytes
        queue.append(bytes)
    }

    /// Takes the next piece to write, if there is one.
    ///
    /// - Returns: the bytes, and if `written` must be called once they are written, the count to call it with.
    mutating func next() -> (bytes: ByteBuffer, reported: Int?)? {
        guard hasNext else { return nil }
        let bytes: ByteBuffer
        if isPaced, let piece = queue[queue.startIndex].readSlice(length: Self.pieceBytes) {
            bytes = piece
            if queue[queue.startIndex].readableBytes == 0 {
                queue.removeFirst()
            }
        } else {
            bytes = queue.removeFirst()
        }
        queuedBytes -= bytes.readableBytes
        pendingBytes += bytes.readableBytes
        unreportedBytes += bytes.readableBytes
        guard isPaced || queue.isEmpty else { return (bytes, nil) }
        defer { unreportedBytes = 0 }
        return (bytes, unreportedBytes)
    }

    mutating func written(_ count: Int) {
        pendingBytes -= count
    }

    mutating func removeAll() {
        queue.removeAll()
        queuedBytes = 0
    }
}
