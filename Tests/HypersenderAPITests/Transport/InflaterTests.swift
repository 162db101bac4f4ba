import NIOCore
import Testing

@testable import HypersenderAPI

/// Bodies that come compressed. `printf '[]' | gzip -n` and `zlib.compress(b'[]')` made them.
struct InflaterTests {
    private static let gzip: [UInt8] = [
        0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 3, 0x8b, 0x8e, 5, 0, 0x29, 0xbb, 0x4c, 0x0d, 2, 0, 0, 0,
    ]
    private static let zlib: [UInt8] = [0x78, 0x9c, 0x8b, 0x8e, 5, 0, 1, 0x15, 0, 0xb9]

    @Test(arguments: [gzip, zlib]) func inflatesInWholeAndByteByByte(bytes: [UInt8]) throws {
        #expect(try Self.inflate([bytes]) == Array("[]".utf8))
        #expect(try Self.inflate(bytes.map { [$0] }) == Array("[]".utf8))
    }

    @Test(arguments: 0..<22) func whatIsCutIsIncomplete(count: Int) throws {
        #expect(try Self.inflate([Array(Self.gzip.prefix(count))]) == nil)
    }

    @Test(arguments: [
        Array("[]".utf8), [0x1f, 0x8b, 9, 0], gzip + [0], gzip + gzip,
        Array(gzip.prefix(14)) + [0, 0, 0, 0, 2, 0, 0, 0],
        Array(gzip.prefix(18)) + [3, 0, 0, 0],
    ])
    func whatIsBrokenIsSaidSo(bytes: [UInt8]) {
        #expect(throws: Inflater.Broken.self) { try Self.inflate([bytes]) }
        #expect(throws: Inflater.Broken.self) { try Self.inflate(bytes.map { [$0] }) }
    }

    /// Nothing is inflated beyond a step, however little input it takes.
    @Test func inflatesStepByStep() throws {
        var output: [UInt8] = []
        var input = ByteBuffer(bytes: Self.bomb)
        let inflater = try Inflater()
        var steps = 0
        var isMore = true
        while isMore {
            let before = output.count
            isMore = try inflater.inflate(&input, to: &output)
            steps += 1
            #expect(output.count - before <= Inflater.step)
        }
        #expect(inflater.isComplete && input.readableBytes == 0)
        #expect(output.count == 200_000 && output.allSatisfy { $0 == 0x20 })
        #expect(steps == 200_000 / Inflater.step + 1)
    }

    /// 200,000 blanks, by `zlib.compressobj(9, wbits=31)`.
    private static let bomb: [UInt8] =
        [31, 139, 8, 0, 0, 0, 0, 0, 2, 3, 237, 193, 49, 1, 0, 0, 0, 194, 160, 42, 235, 159, 210, 12, 254, 64, 1]
        + [UInt8](repeating: 0, count: 193) + [175, 1, 49, 97, 98, 16, 64, 13, 3, 0]

    /// Returns the inflated parts; `nil` if the end is missing.
    private static func inflate(_ parts: [[UInt8]]) throws -> [UInt8]? {
        let inflater = try Inflater()
        var output: [UInt8] = []
        for part in parts {
            var part = ByteBuffer(bytes: part)
            while try inflater.inflate(&part, to: &output) {}
        }
        return inflater.isComplete ? output : nil
    }
}
