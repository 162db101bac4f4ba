import Glibc

/// An IPv4 or IPv6 address as its bytes.
struct IPAddress: Equatable {
    let bytes: [UInt8]

    /// Reads `192.0.2.1` or `2001:db8::1`; nil for anything else.
    init?(_ text: String) {
        for (family, length) in [(AF_INET, 4), (AF_INET6, 16)] {
            var bytes = [UInt8](repeating: 0, count: length)
            if inet_pton(family, text, &bytes) == 1 {
                self.bytes = bytes
                return
            }
        }
        return nil
    }

    /// Whether the first `count` bits are those of another address of the same family.
    func matches(_ other: IPAddress, bits count: Int) -> Bool {
        guard bytes.count == other.bytes.count, (0...(bytes.count * 8)).contains(count) else {
            return false
        }
        return (0..<count).allSatisfy { bit in
            (bytes[bit / 8] ^ other.bytes[bit / 8]) & (0x80 >> UInt8(bit % 8)) == 0
        }
    }

    /// Whether a host is this machine itself: `localhost`, 127.0.0.0/8 or ::1.
    static func isLoopback(host: String) -> Bool {
        if host == "localhost" || host.hasSuffix(".localhost") {
            return true
        }
        guard let address = IPAddress(host) else {
            return false
        }
        return address.bytes.count == 4 ? address.bytes[0] == 127 : address == IPAddress("::1")
    }
}
