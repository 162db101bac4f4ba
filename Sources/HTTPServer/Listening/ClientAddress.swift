import NIOCore

/// Whom a request comes from, as far as that is to tell clients apart: those of one address share what they may take.
///
/// Of IPv6 the first half counts, the network: one machine has as many addresses in it as it likes (RFC 4291, 2.5.4).
struct ClientAddress: Hashable, Sendable {
    /// Empty for clients of a unix socket, and where the address is not known.
    private let bytes: [UInt8]

    static let unknown = ClientAddress(nil)

    init(_ address: SocketAddress?) {
        switch address {
        case .v4(let address):
            // After the family and the port: what Linux has in a `sockaddr_in`.
            bytes = withUnsafeBytes(of: address.address) { Array($0[4..<8]) }
        case .v6(let address):
            // After the family, the port and the flow, in a `sockaddr_in6`.
            let all = withUnsafeBytes(of: address.address) { Array($0[8..<24]) }
            // A socket for both families shows IPv4 in this form (RFC 4291, 2.5.5.2).
            let isMapped = all[..<10].allSatisfy { $0 == 0 } && all[10] == 0xFF && all[11] == 0xFF
            bytes = isMapped ? Array(all[12...]) : Array(all[..<8])
        case .unixDomainSocket, nil:
            bytes = []
        }
    }
}
