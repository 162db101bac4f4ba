import CZlib
import Testing

@testable import Exposition

struct GzipTests {
    /// Sizes on both sides of the limits of a stored block, and beyond the buffer that compression goes through.
    @Test(arguments: [0, 1, 1000, 65_535, 65_536, 300_000], [0, 1, 4000, 65_535, 65_536, 200_000])
    func isOneMemberThatReadsBack(head: Int, tail: Int) throws {
        let head = noise(head)
        let tail = noise(tail)
        let gzip = try #require(GzipHead(head))
        #expect(try inflated(gzip.bytes + gzip.ending.completion(storing: tail)) == head + tail)
    }

    @Test func canBeCompletedAgain() throws {
        let gzip = try #require(GzipHead(Array("the same beginning, ".utf8)))
        for end in ["and one end", "and another"] {
            let file = gzip.bytes + gzip.ending.completion(storing: Array(end.utf8))
            #expect(try inflated(file) == Array("the same beginning, \(end)".utf8))
        }
    }

    @Test func compresses() throws {
        let page = Array(String(repeating: "hypersender_instance_up{instance_id=\"x\"} 1\n", count: 1000).utf8)
        #expect(try #require(GzipHead(page)).bytes.count < page.count / 20)
    }

    /// Bytes that do not compress, so that sizes stay what they are; always the same.
    private func noise(_ count: Int) -> [UInt8] {
        var state: UInt32 = 2_463_534_242
        return (0..<count).map { _ in
            state ^= state << 13
            state ^= state >> 17
            state ^= state << 5
            return UInt8(truncatingIfNeeded: state >> 8)
        }
    }

    /// Inflates exactly one gzip member with nothing after it, checksums checked by zlib.
    private func inflated(_ file: [UInt8]) throws -> [UInt8] {
        var stream = z_stream()
        #expect(inflateInit2_(&stream, 15 + 16, ZLIB_VERSION, Int32(MemoryLayout<z_stream>.size)) == Z_OK)
        defer { inflateEnd(&stream) }
        var input = file
        var output = [UInt8](repeating: 0, count: 1 << 20)
        let result = input.withUnsafeMutableBufferPointer { input in
            output.withUnsafeMutableBufferPointer { output in
                stream.next_in = input.baseAddress
                stream.avail_in = UInt32(input.count)
                stream.next_out = output.baseAddress
                stream.avail_out = UInt32(output.count)
                return inflate(&stream, Z_FINISH)
            }
        }
        #expect(result == Z_STREAM_END)
        #expect(stream.avail_in == 0)
        return Array(output.prefix(Int(stream.total_out)))
    }
}
