import CZlib

/// A page put together from pieces, each of which can be taken over into the next page without being made again.
///
/// Where the page is compressed, each piece is compressed on its own, from nothing to a byte boundary, so that pieces can stand in any
/// order: together they are the beginning of one ordinary gzip member (RFC 1952, RFC 1951).
public struct PiecedPage: Sendable {
    /// The size, in bytes.
    public let count: Int
    /// What is needed to complete the gzip file; nil where the pieces are plain.
    public let ending: GzipEnding?
    /// The bytes that no earlier page has.
    fileprivate let new: [UInt8]
    fileprivate let runs: [Run]

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

    /// Bytes that lie together where they come from.
    fileprivate struct Run {
        var isNew: Bool
        var range: Range<Int>
    }

    /// Writes the pieces, one after the other; in front of them the gzip header where they are compressed.
    ///
    /// - Parameters:
    ///   - destination: room for `count` bytes.
    ///   - earlier: the bytes of the page that pieces were taken over from.
    public func write(to destination: UnsafeMutableRawBufferPointer, from earlier: UnsafeRawBufferPointer) {
        new.withUnsafeBytes { new in
            var place = 0
            for run in runs {
                let bytes = (run.isNew ? new : earlier)[run.range]
                UnsafeMutableRawBufferPointer(rebasing: destination[place..<(place + bytes.count)]).copyMemory(
                    from: UnsafeRawBufferPointer(rebasing: bytes))
                place += bytes.count
            }
        }
    }

    /// What `write` writes, in an array of its own.
    public func bytes(from earlier: [UInt8] = []) -> [UInt8] {
        [UInt8](unsafeUninitializedCapacity: count) { buffer, size in
            earlier.withUnsafeBytes { write(to: UnsafeMutableRawBufferPointer(buffer), from: $0) }
            size = count
        }
    }
}

/// Puts pages together, one after the other, all of which are parts of one file.
public struct PageAssembler: ~Copyable {
    private let deflater: Deflater?
    private var new: [UInt8] = []
    private var runs: [PiecedPage.Run] = []
    private var count = 0
    private var plainLength = 0
    private var checksum: UInt = 0

    /// Begins a page.
    ///
    /// - Parameters:
    ///   - compressing: whether to compress. Where zlib cannot get the memory it needs (some 256 KiB), pages are plain all the same.
    ///   - level: zlib's level, 1 (fast) to 9 (small).
    public init(compressing: Bool, level: Int32 = 1) {
        deflater = compressing ? Deflater(level: level) : nil
        if deflater != nil {
            new = [0x1f, 0x8b, 8, 0, 0, 0, 0, 0, level == 1 ? 4 : 0, 255]
            add(isNew: true, 0..<new.count)
        }
    }

    /// Whether pages are compressed: only pieces of such a page can be taken over then, and only of others otherwise.
    public var isCompressed: Bool {
        deflater != nil
    }

    /// Makes room for new pieces that will take some `count` bytes.
    public mutating func reserve(_ count: Int) {
        new.reserveCapacity(new.count + count)
    }

    /// Adds a piece that is new.
    public mutating func append(_ plain: [UInt8]) -> PiecedPage.Piece {
        guard !plain.isEmpty else {
            return .empty
        }
        let before = new.count
        var sum: UInt = 0
        if let deflater {
            deflater.compress(plain, to: &new)
            sum = plain.withUnsafeBufferPointer { UInt(crc32_z(0, $0.baseAddress, $0.count)) }
        } else {
            new.append(contentsOf: plain)
        }
        return add(isNew: true, before..<new.count, plainLength: plain.count, checksum: sum)
    }

    /// Adds a piece of an earlier page of the same form, and tells where it lies now.
    ///
    /// All that one page takes over must be of one and the same page.
    public mutating func append(_ piece: PiecedPage.Piece) -> PiecedPage.Piece {
        guard !piece.isEmpty else {
            return .empty
        }
        return add(isNew: false, piece.range, plainLength: piece.plainLength, checksum: piece.checksum)
    }

    /// Ends the page, and begins the one that follows it in the file, without a gzip header therefore.
    public mutating func finish() -> PiecedPage {
        let page = PiecedPage(
            count: count, ending: deflater == nil ? nil : GzipEnding(checksum: checksum, length: plainLength), new: new,
            runs: runs)
        new = []
        runs = []
        count = 0
        plainLength = 0
        checksum = 0
        return page
    }

    /// Adds the bytes at `range` of `new`, or of the earlier page.
    @discardableResult
    private mutating func add(
        isNew: Bool, _ range: Range<Int>, plainLength added: Int = 0, checksum sum: UInt = 0
    ) -> PiecedPage.Piece {
        if let last = runs.last, last.isNew == isNew, last.range.upperBound == range.lowerBound {
            runs[runs.count - 1].range = last.range.lowerBound..<range.upperBound
        } else {
            runs.append(PiecedPage.Run(isNew: isNew, range: range))
        }
        let piece = PiecedPage.Piece(range: count..<(count + range.count), plainLength: added, checksum: sum)
        count += range.count
        if deflater != nil, added > 0 {
            checksum = UInt(crc32_combine(checksum, sum, added))
        }
        plainLength += added
        return piece
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
