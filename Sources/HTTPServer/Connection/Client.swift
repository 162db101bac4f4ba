import Basics
import NIOCore
import Synchronization

/// The client of a connection, as far as its requests are judged by it.
struct Client: Sendable {
    var address = ClientAddress(nil)
    /// Whether the client has shown a certificate that the settings allow.
    var hasCertificate = false
    let presence = ClientPresence()
}

/// The part of a client's address that tells clients apart: those that share it share their quota of password checks.
///
/// Of IPv6 only the first half counts, the network: a machine has any number of addresses in it (RFC 4291, 2.5.4).
struct ClientAddress: Hashable, Sendable {
    /// Empty for clients of a unix socket, and if the address is not known.
    private let bytes: [UInt8]

    init(_ address: SocketAddress?) {
        bytes = Array((address?.ipAddress.flatMap(IPAddress.init)?.bytes ?? []).prefix(8))
    }
}

/// A mark that the client of a connection has closed its side; most such clients have gone away.
final class ClientPresence: Sendable {
    private let left = Atomic(false)

    var hasLeft: Bool { left.load(ordering: .relaxed) }

    func leave() {
        left.store(true, ordering: .relaxed)
    }
}
