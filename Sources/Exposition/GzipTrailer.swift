import CZlib

/// The checksum and the length of the beginning of a gzip file, from which its end can be made repeatedly.
///
/// A metrics page has a long part that changes once a poll and a short one that changes every scrape. The long part is
/// compressed once; the short one follows as stored blocks. The whole is one ordinary gzip member, and a scrape
/// compresses nothing.
public struct GzipTrailer: Sendable, Equatable {
    /// The CRC-32 of the uncompressed beginning.
    private let checksum: UInt
    /// The length of the uncompressed beginning, in bytes.
    let length: Int

    private init(checksum: UInt, length: Int) {
        self.checksum = checksum
        self.length = length
    }

    init(_ text: [UInt8] = []) {
        checksum = text.withUnsafeBufferPointer { crc32_z(0, $0.baseAddress, z_size_t($0.count)) }
        length = text.count
    }

    /// Returns the checksum and the length of this text with another after it.
    public func followed(by next: GzipTrailer) -> GzipTrailer {
        guard next.length > 0 else { return self }
        return GzipTrailer(
            checksum: UInt(crc32_combine(checksum, next.checksum, next.length)), length: length + next.length)
    }

    /// Returns the bytes that complete the file: `text` as stored blocks, and the trailer over all of it.
    public func completion(storing text: [UInt8]) -> [UInt8] {
        let maximumBlock = Int(UInt16.max)
        var output: [UInt8] = []
        output.reserveCapacity(text.count + 5 * (text.count / maximumBlock + 1) + 8)
        var rest = text[...]
        repeat {
            let block = rest.prefix(maximumBlock)
            rest = rest.dropFirst(maximumBlock)
            output.append(rest.isEmpty ? 1 : 0)
            output.append(littleEndian: UInt16(block.count))
            output.append(littleEndian: ~UInt16(block.count))
            output.append(contentsOf: block)
        } while !rest.isEmpty
        let whole = followed(by: GzipTrailer(text))
        output.append(littleEndian: UInt32(truncatingIfNeeded: whole.checksum))
        output.append(littleEndian: UInt32(truncatingIfNeeded: whole.length))
        return output
    }
}

extension [UInt8] {
    fileprivate mutating func append(littleEndian number: some FixedWidthInteger & UnsignedInteger) {
        Swift.withUnsafeBytes(of: number.littleEndian) { append(contentsOf: $0) }
    }
}
