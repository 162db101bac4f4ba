/// How connections are secured and who may ask: what a web configuration file says.
///
/// Follows the file that Prometheus's exporter-toolkit reads, so that one file serves all exporters of a machine.
public struct WebSecurity: Sendable, Equatable {
    /// Nil for plain HTTP.
    public var tls: TLSOptions?
    /// Header fields added to every response.
    public var headers: [Header] = []
    /// The users that may ask, each with the bcrypt hash of the password; where there are none, everybody may.
    public var users: [String: String] = [:]
    /// Paths that everybody may ask for, as a health probe without a password does. An addition of ours to the toolkit's file.
    public var authExemptPaths: Set<String> = []
    /// How many requests are answered; nil is no limit.
    public var rateLimit: RequestRateLimit?

    /// Plain HTTP for everybody.
    public init() {}

    /// The cost of a bcrypt hash, the binary logarithm of its rounds; nil for what is no such hash.
    public static func cost(ofPasswordHash text: String) -> Int? {
        Bcrypt(text)?.cost
    }

    /// A header field.
    public struct Header: Sendable, Equatable {
        public var name: String
        public var value: String

        public init(_ name: String, _ value: String) {
            self.name = name
            self.value = value
        }
    }
}

/// A limit on requests: a bucket of `burst` tokens, to which one is added every `interval`; each request takes one.
public struct RequestRateLimit: Sendable, Equatable {
    public var interval: Duration
    public var burst: Int

    public init(interval: Duration, burst: Int = 1) {
        self.interval = interval
        self.burst = burst
    }
}

/// What a web configuration file says under `tls_server_config`.
public struct TLSOptions: Sendable, Equatable {
    /// PEM text, in the file itself or in one of its own, which is read again when it changes.
    public enum PEM: Sendable, Equatable {
        case inline(String)
        case file(String)
    }

    /// Which certificates clients must show, in the terms of Go's `tls.ClientAuthType`.
    public enum ClientAuth: String, Sendable, CaseIterable {
        case none = "NoClientCert"
        case request = "RequestClientCert"
        case requireAny = "RequireAnyClientCert"
        case verifyIfGiven = "VerifyClientCertIfGiven"
        case requireAndVerify = "RequireAndVerifyClientCert"
    }

    /// A version of TLS, as the file spells it.
    public enum Version: String, Sendable, CaseIterable {
        case tls10 = "TLS10"
        case tls11 = "TLS11"
        case tls12 = "TLS12"
        case tls13 = "TLS13"
    }

    public var certificate: PEM
    public var key: PEM
    public var clientCA: PEM?
    public var clientAuth = ClientAuth.none
    /// Names (DNS, IP address, e-mail or URI) of which a client's certificate must bear one; empty allows all.
    public var allowedClientNames: [String] = []
    public var minimumVersion = Version.tls12
    public var maximumVersion = Version.tls13
    /// Cipher suites by their Go names, for TLS up to 1.2; empty is the library's choice.
    public var cipherSuites: [String] = []
    /// Curves by their Go names, in order of preference; empty is the library's choice.
    public var curves: [String] = []
    /// Whether the server's order of cipher suites counts, and not the client's.
    public var prefersServerCipherSuites = true

    public init(certificate: PEM, key: PEM) {
        self.certificate = certificate
        self.key = key
    }
}
