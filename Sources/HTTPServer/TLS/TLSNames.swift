import NIOSSL

/// Go's names for cipher suites and curves, which web configuration files use, and what BoringSSL has of them.
public enum TLSNames {
    /// What can be done about a cipher suite.
    public enum CipherSupport: Sendable, Equatable {
        /// It is used where it is asked for.
        case configurable
        /// It belongs to TLS 1.3, where neither Go nor BoringSSL lets one choose: it is always on.
        case alwaysOn
        /// Go knows it, among its insecure ones, but it cannot be had here.
        case unavailable
    }

    /// What can be done about the cipher suite that Go's `crypto/tls` calls so; nil where it knows none.
    public static func support(ofCipherSuite name: String) -> CipherSupport? {
        ciphers[name] != nil
            ? .configurable : alwaysOn.contains(name) ? .alwaysOn : insecure.contains(name) ? .unavailable : nil
    }

    /// The cipher suites that a file may name, in alphabetical order.
    public static var cipherSuites: [String] { (ciphers.keys + alwaysOn).sorted() }

    /// The curves that a file may name, in alphabetical order.
    public static var curves: [String] { groups.keys.sorted() }

    /// The cipher suite to configure for a name of Go's; nil where there is none, and where it is always on.
    static func cipher(_ name: String) -> NIOTLSCipher? {
        ciphers[name]
    }

    /// The curve that Go calls so.
    static func curve(_ name: String) -> NIOTLSCurve? {
        groups[name]
    }

    /// `tls.CipherSuites()` for TLS up to 1.2.
    ///
    /// Since Go 1.22 those without ECDHE count as insecure, but older files name them.
    private static let ciphers: [String: NIOTLSCipher] = [
        "TLS_RSA_WITH_AES_128_CBC_SHA": .TLS_RSA_WITH_AES_128_CBC_SHA,
        "TLS_RSA_WITH_AES_256_CBC_SHA": .TLS_RSA_WITH_AES_256_CBC_SHA,
        "TLS_RSA_WITH_AES_128_GCM_SHA256": .TLS_RSA_WITH_AES_128_GCM_SHA256,
        "TLS_RSA_WITH_AES_256_GCM_SHA384": .TLS_RSA_WITH_AES_256_GCM_SHA384,
        "TLS_ECDHE_ECDSA_WITH_AES_128_CBC_SHA": .TLS_ECDHE_ECDSA_WITH_AES_128_CBC_SHA,
        "TLS_ECDHE_ECDSA_WITH_AES_256_CBC_SHA": .TLS_ECDHE_ECDSA_WITH_AES_256_CBC_SHA,
        "TLS_ECDHE_RSA_WITH_AES_128_CBC_SHA": .TLS_ECDHE_RSA_WITH_AES_128_CBC_SHA,
        "TLS_ECDHE_RSA_WITH_AES_256_CBC_SHA": .TLS_ECDHE_RSA_WITH_AES_256_CBC_SHA,
        "TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256": .TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256,
        "TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384": .TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384,
        "TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256": .TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256,
        "TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384": .TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384,
        "TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256": .TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256,
        "TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256": .TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256,
    ]

    private static let alwaysOn = ["TLS_AES_128_GCM_SHA256", "TLS_AES_256_GCM_SHA384", "TLS_CHACHA20_POLY1305_SHA256"]

    /// `tls.InsecureCipherSuites()`; the toolkit takes none of them.
    private static let insecure = [
        "TLS_RSA_WITH_RC4_128_SHA", "TLS_RSA_WITH_3DES_EDE_CBC_SHA", "TLS_RSA_WITH_AES_128_CBC_SHA256",
        "TLS_ECDHE_ECDSA_WITH_RC4_128_SHA", "TLS_ECDHE_RSA_WITH_RC4_128_SHA", "TLS_ECDHE_RSA_WITH_3DES_EDE_CBC_SHA",
        "TLS_ECDHE_ECDSA_WITH_AES_128_CBC_SHA256", "TLS_ECDHE_RSA_WITH_AES_128_CBC_SHA256",
    ]

    private static let groups: [String: NIOTLSCurve] = [
        "CurveP256": .secp256r1, "CurveP384": .secp384r1, "CurveP521": .secp521r1, "X25519": .x25519,
    ]
}
