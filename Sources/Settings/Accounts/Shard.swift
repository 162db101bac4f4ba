/// One of several replicas that divide the accounts of a configuration among them.
///
/// As kube-state-metrics does: an account belongs to the replica that the jump consistent hash (Lamping and Veach, 2014) of its name's
/// FNV-1a hash gives. Replicas need not know of each other, and when one is added few accounts move, all of them to the new one.
public struct Shard: Sendable, Equatable {
    /// This replica's number, from 0.
    public let index: Int
    /// How many replicas there are.
    public let total: Int

    /// The one replica that has everything.
    public static let whole = Shard(index: 0, total: 1)

    /// One that has nothing, where nobody knows which it is to be.
    static let unknown = Shard()

    private init() {
        (index, total) = (-1, 1)
    }

    /// - Parameter index: from 0 up to `total`, which it must be below.
    public init(index: Int, total: Int) {
        precondition((0..<total).contains(index), "there is no such shard")
        self.index = index
        self.total = total
    }

    /// Whether the account of this name is this replica's.
    public func keeps(_ name: String) -> Bool {
        Self.index(of: name, among: total) == index
    }

    /// The replica that an account belongs to.
    static func index(of name: String, among total: Int) -> Int {
        var key: UInt64 = 0xcbf2_9ce4_8422_2325
        for byte in name.utf8 {
            key = (key ^ UInt64(byte)) &* 0x0000_0100_0000_01b3
        }
        var found = 0
        var next = 0
        while next < total {
            found = next
            key = key &* 2_862_933_555_777_941_757 &+ 1
            // The quotient is at least 1, and no larger than 2³¹: no overflow for any number of replicas that is allowed.
            next = Int(Double(found + 1) * (Double(1 << 31) / Double((key >> 33) + 1)))
        }
        return found
    }

    /// The number at the end of a host name, as a Kubernetes StatefulSet gives its pods: 2 of `exporter-2`; nil where there is none.
    static func ordinal(ofHostName name: String) -> Int? {
        let host = name.prefix { $0 != "." }
        guard let dash = host.lastIndex(of: "-") else {
            return nil
        }
        let digits = host[host.index(after: dash)...]
        return digits.utf8.allSatisfy { (UInt8(ascii: "0")...UInt8(ascii: "9")).contains($0) } ? Int(digits) : nil
    }
}
