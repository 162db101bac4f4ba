import Basics
import NIOCore

/// The part of a client's address that tells clients apart: those that share it share their quota of password checks.
///
/// Of IPv6 only the first half counts, the network: a machine has any number of addresses in it (RFC 4291, 2.5.4).
struct ClientAddress: Hashable, Sendable {
    /// Empty for clients of a unix socket, and if the address is not known.
    private let bytes: [UInt8]

    static let unknown = ClientAddress(nil)

    init(_ address: SocketAddress?) {
        bytes = Array((address?.ipAddress.flatMap(IPAddress.init)?.bytes ?? []).prefix(8))
    }
}
