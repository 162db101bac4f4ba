import CZlib
import HTTPServer
import Testing

@testable import Simulator

@Suite struct GzipBombTests {
    /// Inflates a gzip member, which zlib checks against its length and checksum; `nil` if it is not sound.
    private func inflated(_ bytes: [UInt8], count: Int) -> [UInt8]? {
        var stream = z_stream()
        inflateInit2_(&stream, 15 + 16, ZLIB_VERSION, CInt(MemoryLayout<z_stream>.size))
        defer { inflateEnd(&stream) }
        var input = bytes
        var output = [UInt8](repeating: 0, count: count + 1)
        let result = input.withUnsafeMutableBufferPointer { input in
            output.withUnsafeMutableBufferPointer { output in
                (stream.next_in, stream.avail_in) = (input.baseAddress, UInt32(input.count))
                (stream.next_out, stream.avail_out) = (output.baseAddress, UInt32(output.count))
                return inflate(&stream, Z_FINISH)
            }
        }
        return result == Z_STREAM_END && stream.avail_in == 0 ? Array(output.prefix(Int(stream.total_out))) : nil
    }

    @Test(arguments: [2, 3, 5000, 1 << 20, 1 << 20 + 1, 1 << 20 + 2, 3_500_000])
    func theMemberInflatesToAListOfTheSizeAsked(count: Int) throws {
        let list = try #require(inflated(Fault.bomb(count), count: count))
        #expect(list.count == count)
        #expect(list.first == UInt8(ascii: "[") && list.last == UInt8(ascii: "]"))
        #expect(list.dropFirst().dropLast().allSatisfy { $0 == UInt8(ascii: " ") })
    }

    @Test func aGiBFitsInAboutAMiB() throws {
        #expect((1_000_000...1_100_000).contains(try Fault.bomb(1 << 30).count))
    }
}

extension Fault {
    /// The body of the fault `gzip-bomb` that inflates to so many bytes.
    static func bomb(_ count: Int) throws -> [UInt8] {
        let fault = try Fault("gzip-bomb,bytes=\(count)")
        guard case .now(let response) = fault.kind.reply(fault, []) else { return [] }
        return response.body.bytes
    }
}
