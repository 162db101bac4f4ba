/// One of several replicas that divide the accounts of a configuration among them.
///
/// As in kube-state-metrics, the jump consistent hash (Lamping and Veach, 2014) of the FNV-1a hash of an account's name
/// gives its replica. Replicas need not know of each other; when one is added, few accounts move, all of them to it.
public struct Shard: Sendable, Equatable {
    /// This replica's number, from 0.
    public let index: Int
    /// The number of replicas.
    public let total: Int

    /// The one replica that has everything.
    public static let whole = Shard(index: 0, total: 1)

    /// A replica without accounts, which stands for one whose number is not known.
    static let none = Shard()

    private init() {
        (index, total) = (-1, 1)
    }

    /// Creates a replica's share; the index is from 0 and below the total.
    public init(index: Int, total: Int) {
        precondition((0..<total).contains(index), "there is no such shard")
        (self.index, self.total) = (index, total)
    }

    /// Whether the account of this name is this replica's.
    public func keeps(_ name: String) -> Bool {
        Self.index(of: name, among: total) == index
    }

    /// Returns the replica that an account belongs to.
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
            // The quotient is from 1 to 2³¹: there is no overflow for any number of replicas that is allowed.
            next = Int(Double(found + 1) * (Double(1 << 31) / Double((key >> 33) + 1)))
        }
        return found
    }

    /// Returns the number at the end of a host name, as pods of a Kubernetes StatefulSet have it: 2 of `exporter-2`.
    static func ordinal(ofHostName name: String) -> Int? {
        let host = name.prefix { $0 != "." }
        guard let dash = host.lastIndex(of: "-") else { return nil }
        let digits = host[host.index(after: dash)...]
        return digits.utf8.allSatisfy { (UInt8(ascii: "0")...UInt8(ascii: "9")).contains($0) } ? Int(digits) : nil
    }
}
