import Basics

/// One of several replicas that divide the accounts of a configuration among them.
///
/// As in kube-state-metrics, the jump consistent hash (Lamping and Veach, 2014) of the FNV-1a hash of an account's name
/// gives its replica. Replicas need not know of each other; when one is added, few accounts move, all of them to it.
public struct Shard: Sendable, Equatable {
    /// This replica's number, from 0.
    public let index: Int
    /// The number of replicas.
    public let total: Int

    /// Whether the account of this name is this replica's.
    func keeps(_ name: String) -> Bool {
        Self.index(of: name, among: total) == index
    }

    /// Returns the replica that an account belongs to.
    static func index(of name: String, among total: Int) -> Int {
        var key = name.fnv1a
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
        return digits.utf8.allSatisfy(\.isDigit) ? Int(digits) : nil
    }
}

extension Shard {
    /// Takes the number and the total that the flags give, and reports what does not fit.
    init(_ flags: FlagValues, _ given: GivenValues, _ diagnostics: Diagnostics) {
        let origin = flags.derivesShardFromHostname ? given.place(\.derivesShardFromHostname) : nil
        let places = [given.place(\.shardIndex), given.place(\.totalShards), origin].compactMap(\.self)
        if given.place(\.accountsFile) == nil {
            for place in places {
                diagnostics.report(place, "only the accounts of a --config.file can be divided among replicas")
            }
        }
        var index = flags.shardIndex
        var place = given.place(\.shardIndex)
        if let origin {
            if let place {
                diagnostics.report(place, "cannot be combined with \(origin)")
            } else if let ordinal = Self.ordinal(ofHostName: given.hostName) {
                index = ordinal
            } else {
                diagnostics.report(
                    origin, "the host name \(Redaction.quote(given.hostName)) does not end in a number after a dash")
            }
            place = origin
        }
        if index >= flags.totalShards {
            diagnostics.report(
                place ?? "",
                "is \(index), and there are \(flags.totalShards) shards, numbered from 0: see --total-shards")
        }
        let isUnknown = diagnostics.problems.contains { places.contains($0.place) }
        // A replica whose number is not known has no accounts.
        self.init(index: isUnknown ? -1 : index, total: flags.totalShards)
    }
}

extension String {
    /// The 64-bit FNV-1a hash of the text's UTF-8, the same in each process and on each machine.
    var fnv1a: UInt64 {
        utf8.reduce(0xCBF2_9CE4_8422_2325) { ($0 ^ UInt64($1)) &* 0x100_0000_01B3 }
    }
}
