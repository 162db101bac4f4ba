import CZlib

/// A page put together from pieces, each of which can be taken over into the next page without being made again.
///
/// Where the page is compressed, each piece is compressed on its own, from nothing to a byte boundary, so that pieces can stand in any
/// order: together they are the beginning of one ordinary gzip member (RFC 1952, RFC 1951).
public struct PiecedPage: Sendable {
    /// The pieces, one after the other; in front of them the gzip header where they are compressed.
    public let bytes: [UInt8]
    /// What is needed to complete the gzip file; nil where the pieces are plain.
    public let ending: GzipEnding?

    /// A piece of a page: where it lies, and what is needed to add it to another page of the same form.
    public struct Piece: Sendable {
        fileprivate let range: Range<Int>
        fileprivate let plainLength: Int
        fileprivate let checksum: UInt

        /// A piece without any bytes, which leaves no trace.
        public static let empty = Piece(range: 0..<0, plainLength: 0, checksum: 0)

        /// Whether there is nothing in it.
        public var isEmpty: Bool {
            plainLength == 0
        }
    }
}

/// Puts a page together.
public struct PageAssembler: ~Copyable {
    private var bytes: [UInt8] = []
    private var deflater: Deflater?
    private var plainLength = 0
    private var checksum: UInt = 0

    /// Begins a page.
    ///
    /// - Parameters:
    ///   - compressing: whether to compress. Where zlib cannot get the memory it needs (some 256 KiB), the page is plain all the same.
    ///   - level: zlib's level, 1 (fast) to 9 (small).
    ///   - capacity: the size to reserve, in bytes.
    ///   - isContinuation: whether the page is to follow another, and goes without a gzip header therefore.
    public init(compressing: Bool, level: Int32 = 1, capacity: Int = 0, isContinuation: Bool = false) {
        bytes.reserveCapacity(capacity)
        if compressing, let deflater = Deflater(level: level) {
            self.deflater = deflater
            if !isContinuation {
                bytes.append(contentsOf: [0x1f, 0x8b, 8, 0, 0, 0, 0, 0, level == 1 ? 4 : 0, 255])
            }
        }
    }

    /// Whether the page is compressed: only pieces of such a page can be taken over then, and only of others otherwise.
    public var isCompressed: Bool {
        deflater != nil
    }

    /// Adds a piece that is new.
    public mutating func append(_ plain: [UInt8]) -> PiecedPage.Piece {
        guard !plain.isEmpty else {
            return .empty
        }
        let start = bytes.count
        guard let deflater else {
            bytes.append(contentsOf: plain)
            plainLength += plain.count
            return PiecedPage.Piece(range: start..<bytes.count, plainLength: plain.count, checksum: 0)
        }
        deflater.compress(plain, to: &bytes)
        let sum = plain.withUnsafeBufferPointer { UInt(crc32_z(0, $0.baseAddress, $0.count)) }
        let piece = PiecedPage.Piece(range: start..<bytes.count, plainLength: plain.count, checksum: sum)
        count(piece)
        return piece
    }

    /// Adds a piece that is part of `page`, the bytes of an earlier page of the same form, and tells where it lies now.
    public mutating func append(_ piece: PiecedPage.Piece, of page: UnsafeRawBufferPointer) -> PiecedPage.Piece {
        guard !piece.isEmpty else {
            return .empty
        }
        let start = bytes.count
        bytes.append(contentsOf: page[piece.range])
        count(piece)
        return PiecedPage.Piece(
            range: start..<bytes.count, plainLength: piece.plainLength, checksum: piece.checksum)
    }

    /// Ends the page.
    public consuming func finish() -> PiecedPage {
        PiecedPage(
            bytes: bytes, ending: deflater == nil ? nil : GzipEnding(checksum: checksum, length: plainLength))
    }

    private mutating func count(_ piece: PiecedPage.Piece) {
        if deflater != nil {
            checksum = UInt(crc32_combine(checksum, piece.checksum, piece.plainLength))
        }
        plainLength += piece.plainLength
    }
}

/// Compresses piece by piece, with one state for all of them.
private final class Deflater {
    /// At an address of its own, since zlib keeps a pointer to it.
    private let stream: UnsafeMutablePointer<z_stream>

    init?(level: Int32) {
        stream = .allocate(capacity: 1)
        stream.initialize(to: z_stream())
        // -15: no zlib or gzip wrapper; what goes around the pieces is written elsewhere.
        guard hypersender_deflateInit2(stream, level, -15, 8) == Z_OK else {
            stream.deallocate()
            return nil
        }
    }

    deinit {
        deflateEnd(stream)
        stream.deallocate()
    }

    /// Appends `plain`, compressed without regard to anything before, up to a byte boundary and without a final block.
    func compress(_ plain: [UInt8], to output: inout [UInt8]) {
        deflateReset(stream)
        plain.withUnsafeBufferPointer { input in
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
                        // Fails for a damaged state only, and the state is nobody else's.
                        deflate(stream, flush)
                        output.append(contentsOf: part[..<(part.count - Int(stream.pointee.avail_out))])
                    }
                } while stream.pointee.avail_out == 0
            } while consumed < input.count
        }
    }
}
