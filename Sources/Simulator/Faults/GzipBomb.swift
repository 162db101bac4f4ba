/// A gzip member (RFC 1952) of a thousandth of the size it inflates to: `[`, blanks, `]`.
///
/// What it inflates to is a sound empty list, so that nothing but a limit on the inflated size catches it.
struct GzipBomb: Sendable {
    /// The inflated size in bytes.
    let inflatedCount: Int
    /// Everything before the run of zero bytes.
    let head: [UInt8]
    /// How many zero bytes follow the head; each stands for four matches of 258 blanks.
    let zeroCount: Int
    /// Everything after the zero bytes.
    let tail: [UInt8]

    /// The deflated size in bytes.
    var count: Int { head.count + zeroCount + tail.count }

    /// - Parameter inflatedCount: the inflated size wanted, in bytes; the size is a little less, as the run of blanks
    ///   is cut to whole bytes of the compressed form.
    init(inflatedCount: Int) {
        var bits = BitWriter()
        // Magic number, deflate, no flags, no time, no extra flags, Unix.
        bits.bytes = [0x1F, 0x8B, 8, 0, 0, 0, 0, 0, 0, 3]
        Self.writeBlockHead(to: &bits)
        bits.writeCode(Self.openBracket, length: 3)
        bits.writeCode(Self.blank, length: 3)
        var blanks = 1
        // Up to a whole byte, so that the run after it is of zero bytes alone.
        while bits.used != 0 {
            if bits.used % 2 == 1 {
                bits.writeCode(Self.blank, length: 3)
                blanks += 1
            } else {
                bits.write(0, count: 2)
                blanks += 258
            }
        }
        head = bits.bytes
        zeroCount = max(0, inflatedCount - blanks - 2) / 1032
        blanks += zeroCount * 1032
        self.inflatedCount = blanks + 2

        var end = BitWriter()
        end.writeCode(Self.closeBracket, length: 3)
        end.writeCode(Self.endOfBlock, length: 3)
        var checksum = CRC32()
        checksum.append(UInt8(ascii: "["))
        checksum.append(UInt8(ascii: " "), repeated: blanks)
        checksum.append(UInt8(ascii: "]"))
        for number in [checksum.value, UInt32(truncatingIfNeeded: blanks + 2)] {
            for shift in [0, 8, 16, 24] as [UInt32] {
                end.bytes.append(UInt8(truncatingIfNeeded: number >> shift))
            }
        }
        tail = end.bytes
    }

    // The canonical codes that follow from the lengths in the block's head (RFC 1951, section 3.2.2). The match of 258
    // bytes has the one code of one bit, 0, and so has its distance, 1: a match is two zero bits.
    private static let blank = 0b100
    private static let openBracket = 0b101
    private static let closeBracket = 0b110
    private static let endOfBlock = 0b111

    /// One last block with codes of its own (RFC 1951, section 3.2.7).
    private static func writeBlockHead(to bits: inout BitWriter) {
        bits.write(1, count: 1)
        bits.write(2, count: 2)
        bits.write(286 - 257, count: 5)
        bits.write(1 - 1, count: 5)
        bits.write(18 - 4, count: 4)
        // Lengths of the codes that spell the lengths, in the order of the document: 18 (a run of zeros), 3, 0 and 1.
        for symbol in [16, 17, 18, 0, 8, 7, 9, 6, 10, 5, 11, 4, 12, 3, 13, 2, 14, 1] {
            bits.write([18: 1, 3: 2, 0: 3, 1: 3][symbol] ?? 0, count: 3)
        }
        func zeros(_ count: Int) {
            bits.writeCode(0b0, length: 1)
            bits.write(count - 11, count: 7)
        }
        func lengthThree() { bits.writeCode(0b10, length: 2) }
        func lengthZero() { bits.writeCode(0b110, length: 3) }
        func lengthOne() { bits.writeCode(0b111, length: 3) }
        zeros(32)  // up to the blank
        lengthThree()
        zeros(58)  // up to [
        lengthThree()
        lengthZero()  // the one byte between [ and ], too short a run for 18
        lengthThree()
        zeros(138)
        zeros(24)  // up to 256
        lengthThree()
        zeros(28)  // up to 285, the match of 258
        lengthOne()
        lengthOne()  // the only distance
    }
}

/// Bits as deflate packs them: the first in the lowest place of a byte.
private struct BitWriter {
    var bytes: [UInt8] = []
    /// How many bits of the last byte are taken; 0 at a byte's border.
    private(set) var used = 0

    /// A number, its lowest bit first.
    mutating func write(_ value: Int, count: Int) {
        for shift in 0..<count {
            if used == 0 { bytes.append(0) }
            bytes[bytes.count - 1] |= UInt8(value >> shift & 1) << UInt8(used)
            used = (used + 1) % 8
        }
    }

    /// A Huffman code, its highest bit first.
    mutating func writeCode(_ code: Int, length: Int) {
        for shift in (0..<length).reversed() {
            write(code >> shift & 1, count: 1)
        }
    }
}
