import CZlib
import Testing

@testable import Exposition

struct GzipTests {
    /// Sizes on both sides of the limits of a stored block, and beyond the buffer that compression goes through.
    @Test(arguments: [0, 1, 1000, 65_535, 65_536, 300_000], [0, 1, 4000, 65_535, 65_536, 200_000])
    func isOneMemberThatReadsBack(head: Int, tail: Int) throws {
        let head = noise(head)
        let tail = noise(tail)
        let gzip = compressed([head])
        #expect(try inflated(gzip.bytes() + #require(gzip.ending).completion(storing: tail)) == head + tail)
    }

    @Test func canBeCompletedAgain() throws {
        let gzip = compressed([Array("the same beginning, ".utf8)])
        for end in ["and one end", "and another"] {
            let file = try gzip.bytes() + #require(gzip.ending).completion(storing: Array(end.utf8))
            #expect(try inflated(file) == Array("the same beginning, \(end)".utf8))
        }
    }

    @Test func compresses() throws {
        let page = Array(String(repeating: "hypersender_instance_up{instance_id=\"x\"} 1\n", count: 1000).utf8)
        #expect(compressed([page]).count < page.count / 20)
    }

    /// Pieces of an earlier page, in another order and among new ones, make a page as if they had been written for it.
    @Test(arguments: [true, false])
    func piecesAreTakenOver(compressing: Bool) throws {
        let texts = [0, 1, 300, 70_000].map(noise)
        var first = PageAssembler(compressing: compressing)
        let pieces = texts.map { first.append($0) }
        #expect(pieces.map(\.isEmpty) == [true, false, false, false])
        let old = first.finish()
        var second = PageAssembler(compressing: compressing)
        let new = Array("something new".utf8)
        var moved = [second.append(pieces[3])]
        _ = second.append(new)
        moved += pieces[..<3].map { second.append($0) }
        let page = second.finish()
        #expect(try plain(page, from: old.bytes()) == texts[3] + new + texts[1] + texts[2])
        var third = PageAssembler(compressing: compressing)
        for piece in moved {
            _ = third.append(piece)
        }
        let bytes = page.bytes(from: old.bytes())
        #expect(try plain(third.finish(), from: bytes) == texts[3] + texts[1] + texts[2])
    }

    /// A page may be made of two that are compressed apart, of which either may be empty.
    @Test func aPageGoesOnAfterAnother() throws {
        for (head, rest) in [("beginning ", "and end"), ("", "only the end"), ("only the beginning", ""), ("", "")] {
            var assembler = PageAssembler(compressing: true)
            _ = assembler.append(Array(head.utf8))
            let beginning = assembler.finish()
            _ = assembler.append(Array(rest.utf8))
            let continuation = assembler.finish()
            let ending = try #require(beginning.ending).followed(by: try #require(continuation.ending))
            let file = beginning.bytes() + continuation.bytes() + ending.completion(storing: Array(", whole".utf8))
            #expect(try inflated(file) == Array((head + rest + ", whole").utf8))
        }
    }

    private func compressed(_ pieces: [[UInt8]]) -> PiecedPage {
        var assembler = PageAssembler(compressing: true)
        for piece in pieces {
            _ = assembler.append(piece)
        }
        return assembler.finish()
    }

    private func plain(_ page: PiecedPage, from earlier: [UInt8] = []) throws -> [UInt8] {
        let bytes = page.bytes(from: earlier)
        return try page.ending.map { try inflated(bytes + $0.completion(storing: [])) } ?? bytes
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
