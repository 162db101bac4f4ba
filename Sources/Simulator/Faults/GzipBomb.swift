import CZlib

/// A gzip member (RFC 1952) of a thousandth of the size it inflates to: `[`, blanks, `]`.
///
/// It inflates to a sound empty list, so that nothing but a limit on the inflated size catches it.
struct GzipBomb: Sendable {
    /// Everything before the blocks.
    let beginning: [UInt8]
    /// A deflate block of `blockSize` blanks that stands for itself.
    let block: [UInt8]
    let blockCount: Int
    /// Everything after the blocks.
    let end: [UInt8]

    /// The deflated size in bytes.
    var count: Int { beginning.count + blockCount * block.count + end.count }

    private static let blockSize = 1 << 20

    /// - Parameter inflatedCount: the inflated size in bytes, at least 2.
    init(inflatedCount: Int) {
        let inflatedCount = max(2, inflatedCount)
        let blanks = [UInt8](repeating: UInt8(ascii: " "), count: Self.blockSize)
        let rest = [UInt8](repeating: UInt8(ascii: " "), count: (inflatedCount - 2) % Self.blockSize) + Array("]".utf8)
        blockCount = (inflatedCount - 2) / Self.blockSize
        // Magic number, deflate, no flags, no time, no extra flags, Unix.
        beginning = [0x1F, 0x8B, 8, 0, 0, 0, 0, 0, 0, 3] + Self.deflated(Array("[".utf8), flush: Z_FULL_FLUSH)
        block = Self.deflated(blanks, flush: Z_FULL_FLUSH)

        var checksum = crc32(0, "[", 1)
        let blockChecksum = crc32(0, blanks, UInt32(blanks.count))
        for _ in 0..<blockCount {
            checksum = crc32_combine(checksum, blockChecksum, blanks.count)
        }
        checksum = crc32(checksum, rest, UInt32(rest.count))
        let trailer = [UInt32(truncatingIfNeeded: checksum), UInt32(truncatingIfNeeded: inflatedCount)]
        end =
            Self.deflated(rest, flush: Z_FINISH)
            + trailer.flatMap { number in [0, 8, 16, 24].map { UInt8(truncatingIfNeeded: number >> UInt32($0)) } }
    }

    /// Returns the bytes as deflate blocks (RFC 1951) that refer to nothing before them.
    private static func deflated(_ bytes: [UInt8], flush: CInt) -> [UInt8] {
        var stream = z_stream()
        hypersender_deflateInit2(&stream, 9, -15, 8)
        defer { deflateEnd(&stream) }
        var input = bytes
        var output = [UInt8](repeating: 0, count: bytes.count + 64)
        input.withUnsafeMutableBufferPointer { input in
            output.withUnsafeMutableBufferPointer { output in
                (stream.next_in, stream.avail_in) = (input.baseAddress, UInt32(input.count))
                (stream.next_out, stream.avail_out) = (output.baseAddress, UInt32(output.count))
                _ = deflate(&stream, flush)
            }
        }
        return Array(output.prefix(Int(stream.total_out)))
    }
}
