import CZlib
import NIOCore
import Testing

@testable import Exposition

struct GzipTests {
    /// Sizes on both sides of the limits of a stored block, and beyond the buffer that compression goes through.
    @Test(arguments: [0, 1, 1000, 65_535, 65_536, 300_000], [0, 1, 4000, 65_535, 65_536, 200_000])
    func isOneMemberThatReadsBack(head: Int, tail: Int) throws {
        let head = noise(head)
        let tail = noise(tail)
        #expect(try inflated(compressed([head]), storing: tail) == head + tail)
    }

    @Test func canBeCompletedAgain() throws {
        let gzip = try compressed([Array("the same beginning, ".utf8)])
        for end in ["and one end", "and another"] {
            #expect(try inflated(gzip, storing: Array(end.utf8)) == Array("the same beginning, \(end)".utf8))
        }
    }

    @Test func compresses() throws {
        let page = Array(String(repeating: "hypersender_instance_up{instance_id=\"x\"} 1\n", count: 1000).utf8)
        #expect(try compressed([page]).bytes.count < page.count / 20)
    }

    /// Segments of one page, in another order and among new ones, make a page as if they had been made for it.
    @Test func segmentsStandInAnyPage() throws {
        let texts = [0, 1, 300, 70_000].map(noise)
        let compressor = SegmentCompressor()
        let segments = texts.map { Segment($0, compressor) }
        #expect(segments.map(\.isEmpty) == [true, false, false, false])
        let new = Array("something new".utf8)
        for page in [[3, nil, 0, 1, 2], [3, 0, 1, 2], [1, 1, nil]] {
            let body = SegmentedBody([.gzipHeader] + page.map { $0.map { segments[$0] } ?? Segment(new, compressor) })
            let text = page.flatMap { $0.map { texts[$0] } ?? new }
            #expect(try inflated(body) == text)
            #expect(body.text == ByteBuffer(bytes: text) && body.textCount == text.count)
        }
    }

    /// A page may be made of two bodies, of which either may be empty.
    @Test func aBodyFollowsAnother() throws {
        for (head, rest) in [("beginning ", "and end"), ("", "only the end"), ("only the beginning", ""), ("", "")] {
            let beginning = try compressed([Array(head.utf8)])
            let next = SegmentedBody([Segment(Array(rest.utf8), SegmentCompressor())])
            let trailer = beginning.trailer.followed(by: next.trailer)
            let file = beginning.bytes + next.bytes + trailer.completion(storing: Array(", whole".utf8))
            #expect(try inflated(file) == Array((head + rest + ", whole").utf8))
        }
    }

    private func compressed(_ texts: [[UInt8]]) throws -> SegmentedBody {
        let compressor = SegmentCompressor()
        return SegmentedBody([.gzipHeader] + texts.map { Segment($0, compressor) })
    }

    private func inflated(_ body: SegmentedBody, storing tail: [UInt8] = []) throws -> [UInt8] {
        try inflated(body.bytes + body.trailer.completion(storing: tail))
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

extension SegmentedBody {
    fileprivate var bytes: [UInt8] { Array(buffer.readableBytesView) }
}
