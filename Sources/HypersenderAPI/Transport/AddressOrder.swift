/// The order in which the addresses of a host are tried.
struct AddressOrder: Sendable {
    /// Addresses to which no connection could be made when they were last tried.
    private var unreachable: Set<String> = []

    /// Limit of remembered addresses, for hosts whose addresses change all the time.
    private static let maximumRemembered = 1000

    /// The longest time to wait for a connection where further addresses can be tried.
    private static let maximumPatience = Duration.seconds(2)

    /// Returns the addresses in the order to try them: reachable ones first, and IPv6 and IPv4 by turns, so that a network without one of them
    /// costs one attempt. Within that, the resolver's order holds.
    func sort(_ addresses: [String]) -> [String] {
        Self.alternate(addresses.filter { !unreachable.contains($0) })
            + Self.alternate(addresses.filter { unreachable.contains($0) })
    }

    private static func alternate(_ addresses: [String]) -> [String] {
        guard let first = addresses.first else {
            return []
        }
        let isIPv6 = first.contains(":")
        var same = addresses.filter { $0.contains(":") == isIPv6 }[...]
        var other = addresses.filter { $0.contains(":") != isIPv6 }[...]
        var sorted: [String] = []
        while !same.isEmpty || !other.isEmpty {
            sorted += [same.popFirst(), other.popFirst()].compactMap { $0 }
        }
        return sorted
    }

    /// Returns how long to wait for a connection to the address at `index` of `count`: all of `timeout` for the last one, a part for the others.
    static func patience(index: Int, count: Int, timeout: Duration) -> Duration {
        index + 1 == count ? timeout : min(timeout / (count + 1), maximumPatience)
    }

    /// Takes note of whether a connection could be made to an address.
    mutating func record(_ address: String, isReachable: Bool) {
        if isReachable {
            unreachable.remove(address)
        } else {
            if unreachable.count >= Self.maximumRemembered {
                unreachable = []
            }
            unreachable.insert(address)
        }
    }
}
