import Testing

@testable import Settings

struct ShardTests {
    private static let names = (0..<2000).map { "account-\($0)" } + ["", "é", "ACME", "acme", "acme "]

    @Test(arguments: [1, 2, 3, 7, 16, 100])
    func everyAccountIsOnExactlyOneShard(total: Int) {
        for name in Self.names {
            #expect((0..<total).count { Shard(index: $0, total: total).keeps(name) } == 1)
        }
    }

    @Test(arguments: [2, 3, 7, 16])
    func shardsAreOfLikeSize(total: Int) {
        let expected = Double(Self.names.count) / Double(total)
        for index in 0..<total {
            let count = Double(Self.names.count(where: Shard(index: index, total: total).keeps))
            #expect(abs(count - expected) < expected * 0.3, "\(count) of \(expected)")
        }
    }

    /// Growing moves about one in n+1 accounts, and only to the new shard.
    @Test(arguments: 1...20)
    func growingMovesFewAccounts(total: Int) {
        var moved = 0
        for name in Self.names {
            let before = Shard.index(of: name, among: total)
            let after = Shard.index(of: name, among: total + 1)
            if before != after {
                moved += 1
                #expect(after == total)
            }
        }
        let expected = Double(Self.names.count) / Double(total + 1)
        #expect(
            Double(moved) > expected * 0.7 && Double(moved) < expected * 1.3, "\(moved), expected about \(expected)")
    }

    /// Replicas of different releases must agree: these numbers never change.
    @Test func theHashIsStable() {
        let names = ["", "a", "acme", "globex", "initech"]
        #expect(names.map { Shard.index(of: $0, among: 1000) } == [266, 163, 621, 680, 454])
        #expect(names.map { Shard.index(of: $0, among: 3) } == [1, 2, 0, 1, 2])
    }

    @Test(
        arguments: [
            ("exporter-0", 0), ("exporter-12", 12), ("a-b-3", 3), ("exporter-7.example.test", 7), ("exporter", nil),
            ("exporter-", nil), ("exporter-x1", nil), ("", nil), ("-5", 5), ("exporter-99999999999999999999", nil),
        ] as [(String, Int?)])
    func ordinals(host: String, ordinal: Int?) {
        #expect(Shard.ordinal(ofHostName: host) == ordinal)
    }
}
