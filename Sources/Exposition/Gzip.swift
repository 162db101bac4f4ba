import CZlib

/// The compressed beginning of a gzip file, kept to be completed again and again.
///
/// A page is made of a long part that changes once a poll and a short one that changes every scrape. The long part is compressed once,
/// up to a byte boundary; the short one follows as stored blocks, so that the whole is one ordinary gzip member
/// (RFC 1952, RFC 1951) that costs a scrape no compression.
public struct GzipHead: Sendable {
    /// The gzip header and the compressed part, ending on a byte boundary without a final block.
    public let bytes: [UInt8]
    /// What is needed of it to complete the file.
    public let ending: GzipEnding

    /// Compresses `plain`. Nil where zlib cannot get the memory it needs (some 256 KiB).
    ///
    /// - Parameter level: zlib's level, 1 (fast) to 9 (small).
    public init?(_ plain: [UInt8], level: Int32 = 1) {
        var stream = z_stream()
        // -15: no zlib or gzip wrapper; what goes around it is written here.
        guard hypersender_deflateInit2(&stream, level, -15, 8) == Z_OK else {
            return nil
        }
        defer { deflateEnd(&stream) }
        // Both ends are fed piece by piece: zlib's counters are 32 bits wide.
        var output: [UInt8] = [0x1f, 0x8b, 8, 0, 0, 0, 0, 0, level == 1 ? 4 : 0, 255]
        var checksum = crc32_z(0, nil, 0)
        var piece = [UInt8](repeating: 0, count: 64 << 10)
        var succeeded = true
        plain.withUnsafeBufferPointer { input in
            checksum = crc32_z(checksum, input.baseAddress, z_size_t(input.count))
            var consumed = 0
            repeat {
                let feed = min(input.count - consumed, 1 << 30)
                // zlib declares its input mutable, and does not change it.
                stream.next_in = UnsafeMutablePointer(mutating: input.baseAddress.map { $0 + consumed })
                stream.avail_in = UInt32(feed)
                consumed += feed
                let flush = consumed == input.count ? Z_SYNC_FLUSH : Z_NO_FLUSH
                repeat {
                    piece.withUnsafeMutableBufferPointer { buffer in
                        stream.next_out = buffer.baseAddress
                        stream.avail_out = UInt32(buffer.count)
                        succeeded = deflate(&stream, flush) != Z_STREAM_ERROR && succeeded
                    }
                    output.append(contentsOf: piece[..<(piece.count - Int(stream.avail_out))])
                } while stream.avail_out == 0 && succeeded
            } while consumed < input.count && succeeded
        }
        guard succeeded else {
            return nil
        }
        bytes = output
        ending = GzipEnding(checksum: UInt(checksum), length: plain.count)
    }
}

/// What must be remembered of the beginning of a gzip file to complete it.
public struct GzipEnding: Sendable {
    fileprivate let checksum: UInt
    fileprivate let length: Int

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
