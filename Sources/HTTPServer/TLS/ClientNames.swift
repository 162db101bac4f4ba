import Basics
import NIOSSL

/// The names of which a client's certificate must bear one: DNS names, IP addresses, e-mail addresses, URIs.
///
/// Compared byte for byte, as exporter-toolkit does, but addresses by value. A name in the subject does not count.
struct ClientNames: Sendable {
    /// An alternative name as it stands in a certificate: text, or the 4 or 16 bytes of an address.
    private enum Name: Hashable {
        case text([UInt8])
        case address([UInt8])
    }

    private let allowed: Set<Name>

    init(_ names: [String]) {
        allowed = Set(
            names.flatMap { [.text(Array($0.utf8)), IPAddress($0).map { .address($0.bytes) }].compactMap(\.self) })
    }

    /// Whether there are no names to bear, or the certificate bears one.
    func allows(_ certificate: NIOSSLCertificate?) -> Bool {
        allowed.isEmpty
            || certificate?._subjectAlternativeNames().contains { name in
                let bytes = name.contents.withUnsafeBufferPointer { Array($0) }
                return switch name.nameType {
                case .dnsName, .email, .uri: allowed.contains(.text(bytes))
                case .ipAddress: allowed.contains(.address(bytes))
                default: false
                }
            } == true
    }
}
