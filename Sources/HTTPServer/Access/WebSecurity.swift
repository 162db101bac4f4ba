/// The security settings of a server: the contents of a web configuration file.
///
/// Follows the file of Prometheus's exporter-toolkit, so that one file serves all exporters of a machine.
public struct WebSecurity: Sendable, Equatable {
    /// The options of TLS; `nil` for plain HTTP.
    public var tls: TLSOptions?
    /// Header fields added to every response.
    public var headers: Headers = [:]
    /// The users that may send requests, with the hashes of their passwords; everybody may if there are none.
    public var users: [String: BcryptHash] = [:]
    /// Paths that need neither password nor client certificate, for health probes. Not in the toolkit's file.
    public var authExemptPaths: Set<String> = []
    /// The limit on the rate of requests; `nil` for none.
    public var rateLimit: RequestRateLimit?

    /// Creates the settings of plain HTTP for everybody.
    public init() {}
}

/// A limit on requests: a bucket of `burst` tokens that gets one every `interval`. Each request takes one.
public struct RequestRateLimit: Sendable, Equatable {
    let interval: Duration
    let burst: Int

    /// Creates a limit; `nil` unless both are above zero.
    public init?(interval: Duration, burst: Int) {
        guard interval > .zero, burst > 0 else { return nil }
        self.interval = interval
        self.burst = burst
    }
}
