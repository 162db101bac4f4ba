/// The order in which the addresses of a host are tried.
struct AddressOrder: Sendable {
    /// Addresses that could not be connected to when they were last tried.
    private var unreachable: Set<String> = []

    /// The number of addresses to remember, for hosts whose addresses change all the time.
    private static let maximumRemembered = 1000
    /// The longest time to wait for a connection while further addresses are left.
    private static let maximumTimeout = Duration.seconds(2)

    /// Returns the addresses in the order to try them: reachable ones first, IPv6 and IPv4 in turn.
    ///
    /// A network without IPv6 thus costs one attempt. Apart from that, the resolver's order holds.
    func sort(_ addresses: [String]) -> [String] {
        Self.alternate(addresses.filter { !unreachable.contains($0) })
            + Self.alternate(addresses.filter(unreachable.contains))
    }

    private static func alternate(_ addresses: [String]) -> [String] {
        let isIPv6 = addresses.first?.contains(":")
        let same = addresses.filter { $0.contains(":") == isIPv6 }
        let other = addresses.filter { $0.contains(":") != isIPv6 }
        return (0..<max(same.count, other.count)).flatMap {
            same.dropFirst($0).prefix(1) + other.dropFirst($0).prefix(1)
        }
    }

    /// Returns the time to wait for an address: all of `timeout` for the last one, a part for the others.
    static func timeout(index: Int, count: Int, of timeout: Duration) -> Duration {
        index + 1 == count ? timeout : min(timeout / (count + 1), maximumTimeout)
    }

    /// Records whether an address could be connected to.
    mutating func record(_ address: String, isReachable: Bool) {
        unreachable.remove(address)
        guard !isReachable else { return }
        if unreachable.count >= Self.maximumRemembered { unreachable = [] }
        unreachable.insert(address)
    }
}
