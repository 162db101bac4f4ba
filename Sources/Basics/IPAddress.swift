import Glibc

/// An IPv4 or IPv6 address.
///
/// An IPv4-mapped IPv6 address (RFC 4291, section 2.5.5.2) is read as the IPv4 address.
public struct IPAddress: Sendable, Hashable {
    /// The 4 or 16 bytes, in network order.
    public let bytes: [UInt8]

    /// Reads `192.0.2.1`, `2001:db8::1` or `::ffff:192.0.2.1`; returns `nil` for anything else.
    public init?(_ text: String) {
        for (family, length) in [(AF_INET, 4), (AF_INET6, 16)] {
            var bytes = [UInt8](repeating: 0, count: length)
            if inet_pton(family, text, &bytes) == 1 {
                self.bytes = bytes.starts(with: Self.mappedPrefix) ? Array(bytes.suffix(4)) : bytes
                return
            }
        }
        return nil
    }

    /// The first 12 bytes of an IPv4-mapped IPv6 address.
    private static let mappedPrefix = [UInt8](repeating: 0, count: 10) + [0xFF, 0xFF]

    /// Whether both addresses are of one family and their first `count` bits are equal.
    public func matches(_ other: IPAddress, bits count: Int) -> Bool {
        guard bytes.count == other.bytes.count, (0...(bytes.count * 8)).contains(count) else { return false }
        return (0..<count).allSatisfy { bit in
            let mask: UInt8 = 0x80 >> (bit % 8)
            return bytes[bit / 8] & mask == other.bytes[bit / 8] & mask
        }
    }

    /// Whether a host is this machine: `localhost` or a name below it, 127.0.0.0/8 (also IPv4-mapped), or ::1.
    public static func isLoopback(host: String) -> Bool {
        if host == "localhost" || host.hasSuffix(".localhost") { return true }
        guard let address = IPAddress(host) else { return false }
        return address.bytes.count == 4 ? address.bytes[0] == 127 : address == IPAddress("::1")
    }
}
