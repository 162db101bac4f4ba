import NIOSSL

#if canImport(Glibc)
    import Glibc
#else
    import Musl
#endif

/// The names of which a client's certificate must bear one: DNS names, IP addresses, e-mail addresses, URIs.
///
/// Compared byte for byte, as exporter-toolkit does, but addresses by what they mean. A name in the subject does not
/// count.
struct ClientNames: Sendable {
    /// Alternative names as they stand in a certificate: text, or 4 or 16 bytes of an address.
    enum Name: Hashable {
        case text([UInt8])
        case address([UInt8])
    }

    private let allowed: Set<Name>

    init(_ names: [String]) {
        allowed = Set(names.flatMap { [.text(Array($0.utf8))] + Self.addresses($0).map(Name.address) })
    }

    var isEmpty: Bool { allowed.isEmpty }

    func allows(_ names: some Sequence<Name>) -> Bool {
        allowed.isEmpty || names.contains { allowed.contains($0) }
    }

    func allows(_ certificate: NIOSSLCertificate) -> Bool {
        allows(
            certificate._subjectAlternativeNames().lazy.compactMap { name in
                let bytes = name.contents.withUnsafeBufferPointer { Array($0) }
                switch name.nameType {
                case .dnsName, .email, .uri: return .text(bytes)
                case .ipAddress: return .address(bytes)
                default: return nil
                }
            })
    }

    private static func addresses(_ text: String) -> [[UInt8]] {
        [(AF_INET, 4), (AF_INET6, 16)].compactMap { family, length in
            var bytes = [UInt8](repeating: 0, count: length)
            return inet_pton(family, text, &bytes) == 1 ? bytes : nil
        }
    }
}
