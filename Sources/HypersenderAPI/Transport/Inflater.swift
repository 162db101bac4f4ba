import CZlib
import NIOCore

/// Inflates a body as it arrives: one gzip member (RFC 1952), or zlib's form (RFC 1950), which HTTP calls `deflate`.
///
/// AsyncHTTPClient's own decompression inflates all that has arrived before anybody can make it wait.
final class Inflater {
    /// The input is not gzip, continues after its end, or needs memory that zlib cannot get.
    struct Broken: Error {}

    /// The maximum number of bytes that are inflated in one step.
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

    /// Inflates one step of `input`, and moves its reader index.
    ///
    /// - Returns: Whether the same input may yield more.
    func inflate(_ input: inout ByteBuffer, to output: inout [UInt8]) throws(Broken) -> Bool {
        if !isComplete {
            let result = inflateStep(&input, to: &output)
            guard [Z_OK, Z_BUF_ERROR, Z_STREAM_END].contains(result) else { throw Broken() }
            isComplete = result == Z_STREAM_END
        }
        guard !isComplete || input.readableBytes == 0 else { throw Broken() }
        return !isComplete && stream.pointee.avail_out == 0
    }

    private func inflateStep(_ input: inout ByteBuffer, to output: inout [UInt8]) -> CInt {
        withUnsafeTemporaryAllocation(of: UInt8.self, capacity: Self.step) { part in
            input.readWithUnsafeReadableBytes { bytes in
                // zlib declares its input mutable, and does not change it. A buffer's size fits into 32 bits.
                stream.pointee.next_in = UnsafeMutablePointer(
                    mutating: bytes.baseAddress?.assumingMemoryBound(to: UInt8.self))
                stream.pointee.avail_in = UInt32(bytes.count)
                stream.pointee.next_out = part.baseAddress
                stream.pointee.avail_out = UInt32(part.count)
                let result = CZlib.inflate(stream, Z_NO_FLUSH)
                output.append(contentsOf: part[..<(part.count - Int(stream.pointee.avail_out))])
                return (bytes.count - Int(stream.pointee.avail_in), result)
            }
        }
    }
}
