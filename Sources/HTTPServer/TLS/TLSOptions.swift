/// The options of TLS: the contents of `tls_server_config` in a web configuration file.
public struct TLSOptions: Sendable, Equatable {
    /// PEM text, or the path of a file that holds it, which is read again when it changes.
    public enum PEM: Sendable, Equatable {
        /// The text.
        case inline(String)
        /// The path.
        case file(String)
    }

    /// A version of TLS, as the file spells it.
    public enum Version: String, Sendable, CaseIterable, Comparable {
        /// TLS 1.0 (RFC 2246).
        case tls10 = "TLS10"
        /// TLS 1.1 (RFC 4346).
        case tls11 = "TLS11"
        /// TLS 1.2 (RFC 5246).
        case tls12 = "TLS12"
        /// TLS 1.3 (RFC 8446).
        case tls13 = "TLS13"

        public static func < (first: Version, second: Version) -> Bool {
            first.rawValue < second.rawValue
        }
    }

    /// An elliptic curve for the key exchange, by Go's name.
    public enum Curve: String, Sendable, CaseIterable {
        /// NIST's P-256 (RFC 8422).
        case p256 = "CurveP256"
        /// NIST's P-384 (RFC 8422).
        case p384 = "CurveP384"
        /// NIST's P-521 (RFC 8422).
        case p521 = "CurveP521"
        /// X25519 (RFC 7748).
        case x25519 = "X25519"
    }

    /// The server's certificate, followed by intermediate ones.
    public var certificate: PEM
    /// The private key of the certificate.
    public var key: PEM
    /// The certificates that clients are asked for; `nil` for none.
    public var clients: ClientCertificates?
    /// The versions that clients may choose from.
    public var versions = Version.tls12...Version.tls13
    /// The cipher suites for TLS up to 1.2; empty for the library's choice.
    public var cipherSuites: [CipherSuite] = []
    /// The curves in order of preference; empty for the library's choice.
    public var curves: [Curve] = []

    /// Creates options that ask clients for no certificate.
    public init(certificate: PEM, key: PEM) {
        self.certificate = certificate
        self.key = key
    }
}

/// The requirements for the certificates of clients.
public struct ClientCertificates: Sendable, Equatable {
    /// The certificates that clients must show, in the terms of Go's `tls.ClientAuthType`.
    public enum Policy: String, Sendable, CaseIterable {
        /// Any certificate, or none.
        case request = "RequestClientCert"
        /// Any certificate.
        case requireAny = "RequireAnyClientCert"
        /// A certificate of the authority, or none.
        case verifyIfGiven = "VerifyClientCertIfGiven"
        /// A certificate of the authority.
        case requireAndVerify = "RequireAndVerifyClientCert"

        var requires: Bool { self == .requireAny || self == .requireAndVerify }
        var verifies: Bool { self == .verifyIfGiven || self == .requireAndVerify }
    }

    /// The certificates that clients must show.
    public var policy: Policy
    /// The authority that signs them; `nil` for those that the system trusts, as in Go.
    public var authority: TLSOptions.PEM?
    /// Names (DNS, IP address, e-mail or URI) of which a certificate must bear one; empty allows all.
    public var allowedNames: [String]

    /// Creates requirements.
    public init(_ policy: Policy, authority: TLSOptions.PEM? = nil, allowedNames: [String] = []) {
        self.policy = policy
        self.authority = authority
        self.allowedNames = allowedNames
    }
}
