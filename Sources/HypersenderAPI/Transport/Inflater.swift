import CZlib
import NIOCore

/// Inflates a body as it comes: one gzip member (RFC 1952), or zlib's form (RFC 1950), which HTTP calls `deflate`.
final class Inflater {
    /// What is inflated is not gzip, goes on after its end, or needs memory that zlib cannot get.
    struct Broken: Error {}

    /// What is inflated in one step, at the most, in bytes.
    static let step = 32 << 10

    /// At an address of its own, since zlib keeps a pointer to it.
    private let stream: UnsafeMutablePointer<z_stream>
    /// Whether the member, its checksum included, was read to its end.
    private(set) var isComplete = false

    init() throws(Broken) {
        stream = .allocate(capacity: 1)
        stream.initialize(to: z_stream())
        // 32: gzip or zlib, as the data says.
        guard hypersender_inflateInit2(stream, 15 + 32) == Z_OK else {
            stream.deallocate()
            throw Broken()
        }
    }

    deinit {
        inflateEnd(stream)
        stream.deallocate()
    }

    /// Inflates one step of `input`, and moves its reader index on. What has no readable bytes left, and filled no step, is done with.
    ///
    /// - Returns: whether there may be more of the same input.
    func inflate(_ input: inout ByteBuffer, to output: inout [UInt8]) throws(Broken) -> Bool {
        if isComplete {
            guard input.readableBytes == 0 else {
                throw Broken()
            }
            return false
        }
        let (result, consumed, isFull) = withUnsafeTemporaryAllocation(byteCount: Self.step, alignment: 16) { part in
            input.withUnsafeReadableBytes { bytes in
                // zlib declares its input mutable, and does not change it. A buffer's size fits into 32 bits.
                stream.pointee.next_in = UnsafeMutablePointer(
                    mutating: bytes.baseAddress?.assumingMemoryBound(to: UInt8.self))
                stream.pointee.avail_in = UInt32(bytes.count)
                stream.pointee.next_out = part.baseAddress?.assumingMemoryBound(to: UInt8.self)
                stream.pointee.avail_out = UInt32(part.count)
                let result = CZlib.inflate(stream, Z_NO_FLUSH)
                output.append(contentsOf: part[..<(part.count - Int(stream.pointee.avail_out))])
                return (result, bytes.count - Int(stream.pointee.avail_in), stream.pointee.avail_out == 0)
            }
        }
        input.moveReaderIndex(forwardBy: consumed)
        switch result {
        case Z_STREAM_END:
            isComplete = true
            guard input.readableBytes == 0 else {
                throw Broken()
            }
            return false
        case Z_OK, Z_BUF_ERROR:
            return isFull
        default:
            throw Broken()
        }
    }
}
