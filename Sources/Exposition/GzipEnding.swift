import CZlib

/// What must be remembered of the beginning of a gzip file to complete it, again and again.
///
/// A metrics page is made of a long part that changes once a poll and a short one that changes every scrape. The long part is compressed
/// once; the short one follows as stored blocks, so that the whole is one ordinary gzip member that costs a scrape no compression.
public struct GzipEnding: Sendable, Equatable {
    /// The CRC-32 of the beginning, uncompressed.
    let checksum: UInt
    /// Its length in bytes, uncompressed.
    let length: Int

    /// What is needed to complete the file once the beginning is followed by `continuation`, made to follow it.
    public func followed(by continuation: GzipEnding) -> GzipEnding {
        GzipEnding(
            checksum: UInt(crc32_combine(checksum, continuation.checksum, continuation.length)),
            length: length + continuation.length)
    }

    /// What completes the file after the bytes of its head: `plain` as stored blocks, and the trailer over both parts.
    public func completion(storing plain: [UInt8]) -> [UInt8] {
        let longestBlock = Int(UInt16.max)
        var output: [UInt8] = []
        output.reserveCapacity(plain.count + 5 * (plain.count / longestBlock + 1) + 8)
        var rest = plain[...]
        repeat {
            let block = rest.prefix(longestBlock)
            rest = rest.dropFirst(longestBlock)
            output.append(rest.isEmpty ? 1 : 0)
            output.append(littleEndian: UInt16(block.count))
            output.append(littleEndian: ~UInt16(block.count))
            output.append(contentsOf: block)
        } while !rest.isEmpty
        let tail = plain.withUnsafeBufferPointer { crc32_z(0, $0.baseAddress, z_size_t($0.count)) }
        output.append(littleEndian: UInt32(truncatingIfNeeded: crc32_combine(checksum, tail, plain.count)))
        output.append(littleEndian: UInt32(truncatingIfNeeded: length + plain.count))
        return output
    }
}

extension [UInt8] {
    fileprivate mutating func append(littleEndian number: some FixedWidthInteger & UnsignedInteger) {
        Swift.withUnsafeBytes(of: number.littleEndian) { append(contentsOf: $0) }
    }
}
