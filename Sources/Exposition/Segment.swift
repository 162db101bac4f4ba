import Basics
import CZlib
public import NIOCore

/// A compressed part of a page, that can be put into any number of pages.
///
/// A segment refers to nothing before it and ends at a byte boundary (RFC 1951): segments in any order,
/// after the header of a gzip file, are the beginning of one ordinary gzip member (RFC 1952).
public struct Segment: Sendable {
    /// The text, compressed.
    let bytes: ByteBuffer
    /// The CRC-32 and the length that the segment adds to the gzip trailer.
    let trailer: GzipTrailer

    /// A segment without bytes.
    public static let empty = Segment(bytes: ByteBuffer(), trailer: GzipTrailer())
    /// The header of a gzip file, before the first compressed segment.
    public static let gzipHeader = Segment(
        bytes: ByteBuffer(bytes: [0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 4, 255]), trailer: GzipTrailer())

    fileprivate init(bytes: ByteBuffer, trailer: GzipTrailer) {
        self.bytes = bytes
        self.trailer = trailer
    }

    /// Compresses a text.
    public init(_ text: [UInt8], _ compressor: SegmentCompressor) {
        self.init(bytes: text.isEmpty ? ByteBuffer() : compressor.compress(text), trailer: GzipTrailer(text))
    }

    /// Whether the segment has no bytes.
    public var isEmpty: Bool { bytes.readableBytes == 0 }

    /// The length of the text, in bytes.
    public var textCount: Int { trailer.length }

    /// The text.
    public var text: ByteBuffer {
        var text = ByteBuffer()
        guard textCount > 0 else { return text }
        var stream = z_stream()
        withUnsafeMutablePointer(to: &stream) { stream in
            precondition(hypersender_inflateInit2(stream, -15) == Z_OK, "no memory to inflate")
            defer { inflateEnd(stream) }
            bytes.withUnsafeReadableBytes { input in
                // zlib declares its input mutable, and does not change it.
                stream.pointee.next_in = UnsafeMutablePointer(
                    mutating: input.baseAddress?.assumingMemoryBound(to: UInt8.self))
                stream.pointee.avail_in = UInt32(input.count)
                text.writeWithUnsafeMutableBytes(minimumWritableBytes: textCount) { output in
                    stream.pointee.next_out = output.baseAddress?.assumingMemoryBound(to: UInt8.self)
                    stream.pointee.avail_out = UInt32(textCount)
                    // Fails only for bytes that are not deflate's, and these are.
                    inflate(stream, Z_SYNC_FLUSH)
                    return textCount - Int(stream.pointee.avail_out)
                }
            }
        }
        return text
    }
}

/// Segments, one after the other, in one buffer.
public struct SegmentedBody: Sendable {
    /// The segments as parts of the buffer, which they share.
    public let segments: [Segment]
    /// The bytes of all segments.
    public let buffer: ByteBuffer
    /// The figures for the trailer of the gzip file.
    public let trailer: GzipTrailer

    /// The length of the text of all segments, in bytes.
    public var textCount: Int { trailer.length }

    /// The text of all segments.
    public var text: ByteBuffer {
        var text = ByteBufferAllocator().buffer(capacity: textCount)
        segments.forEach { text.writeImmutableBuffer($0.text) }
        return text
    }

    /// Copies segments in their order.
    public init(_ segments: [Segment]) {
        let count = segments.reduce(0) { $0 + $1.bytes.readableBytes }
        var buffer = ByteBufferAllocator().buffer(capacity: count)
        buffer.withUnsafeMutableWritableBytes { $0.prefault(count) }
        segments.forEach { buffer.writeImmutableBuffer($0.bytes) }
        self.buffer = buffer
        trailer = segments.reduce(GzipTrailer()) { $0.followed(by: $1.trailer) }
        self.segments = segments.map { segment in
            buffer.readSlice(length: segment.bytes.readableBytes).map { Segment(bytes: $0, trailer: segment.trailer) }
                ?? .empty
        }
    }
}

/// Compresses segments with one zlib state of some 256 KiB.
public final class SegmentCompressor {
    /// The state, at an address of its own because zlib keeps a pointer to it.
    private let stream: UnsafeMutablePointer<z_stream>

    /// Creates the state. Ends the process if there is no memory for it, as every allocation of Swift does.
    ///
    /// - Parameter level: from 1, the fastest, to 9, the smallest result.
    public init(level: CInt = 1) {
        stream = .allocate(capacity: 1)
        stream.initialize(to: z_stream())
        // -15: without a zlib or gzip wrapper.
        precondition(hypersender_deflateInit2(stream, level, -15, 8) == Z_OK, "no memory to compress")
    }

    deinit {
        deflateEnd(stream)
        stream.deallocate()
    }

    /// Compresses a text without regard to anything before, up to a byte boundary and without a final block.
    fileprivate func compress(_ text: [UInt8]) -> ByteBuffer {
        deflateReset(stream)
        var output = ByteBuffer()
        text.withUnsafeBufferPointer { input in
            // Both ends are fed in parts: zlib's counters are 32 bits wide.
            var consumed = 0
            repeat {
                let feed = min(input.count - consumed, 1 << 30)
                // zlib declares its input mutable, and does not change it.
                stream.pointee.next_in = UnsafeMutablePointer(mutating: input.baseAddress.map { $0 + consumed })
                stream.pointee.avail_in = UInt32(feed)
                consumed += feed
                let flush = consumed == input.count ? Z_SYNC_FLUSH : Z_NO_FLUSH
                repeat {
                    withUnsafeTemporaryAllocation(byteCount: 32 << 10, alignment: 16) { part in
                        stream.pointee.next_out = part.baseAddress?.assumingMemoryBound(to: UInt8.self)
                        stream.pointee.avail_out = UInt32(part.count)
                        // Fails only for a damaged state, and nobody else touches the state.
                        deflate(stream, flush)
                        output.writeBytes(part[..<(part.count - Int(stream.pointee.avail_out))])
                    }
                } while stream.pointee.avail_out == 0
            } while consumed < input.count
        }
        return output
    }
}
