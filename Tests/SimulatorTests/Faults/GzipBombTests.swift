import Testing

@testable import Simulator

@Suite struct GzipBombTests {
    @Test func checksumOfTheCheckText() {
        var checksum = CRC32()
        for byte in "123456789".utf8 { checksum.append(byte) }
        #expect(checksum.value == 0xCBF4_3926)
    }

    @Test(arguments: [0, 1, 2, 3, 255, 1032, 4096, 4097])
    func aRunHasTheChecksumOfItsBytes(count: Int) {
        var one = CRC32()
        var many = CRC32()
        one.append(7)
        many.append(7)
        for _ in 0..<count { one.append(32) }
        many.append(32, repeated: count)
        #expect(one.value == many.value)
    }

    /// The bytes that `gzip -t` and `gzip -dc` found sound.
    @Test func theMemberOfFiveThousandBytes() {
        let bomb = GzipBomb(inflatedCount: 5000)
        #expect(bomb.inflatedCount == 4389)
        let bytes = bomb.head + [UInt8](repeating: 0, count: bomb.zeroCount) + bomb.tail
        #expect(
            bytes == [
                0x1F, 0x8B, 0x08, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x03, 0xED, 0xC0, 0x81, 0x0C, 0x00, 0x00,
                0x00, 0x02, 0x30, 0x95, 0xBC, 0x5A, 0xFE, 0x1A, 0x89, 0xFC, 0x0D, 0x00, 0x00, 0x00, 0x00, 0x3B,
                0xC1, 0xDC, 0x33, 0xE4, 0x25, 0x11, 0x00, 0x00,
            ])
    }

    @Test func aGiBFitsInAboutAMiB() {
        let bomb = GzipBomb(inflatedCount: 1 << 30)
        #expect(((1 << 30) - 1032...1 << 30).contains(bomb.inflatedCount))
        #expect((1_000_000...1_100_000).contains(bomb.count))
    }
}
