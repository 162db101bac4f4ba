import AsyncHTTPClient
import NIOCore
import NIOHTTP1
import NIOSSL
import Synchronization

/// Connections to the API, shared by all accounts that reach it in the same way.
///
/// Each request has a connection to itself, so that none waits for another; what is shared are the trusted authorities, which are large, and
/// connections that are idle.
public final class Connections: Sendable {
    /// What connections differ in.
    public struct Settings: Sendable, Hashable {
        /// What to connect through; nil to connect directly.
        public var proxy: ProxySettings.Proxy?
        /// A PEM file of further certificate authorities to trust, besides the system's.
        public var caFile: String?
        /// How long connecting may take.
        public var timeout: Duration
    }

    /// What these connections were set up for.
    public let settings: Settings
    /// The authorities that the file of the settings named.
    private let authorities: CertificateAuthorities?
    private let http: HTTPClient
    /// Whether an answer may have left a connection open for another request.
    private let hasAnswered = Atomic(false)

    /// Sets up connections; none is made yet.
    ///
    /// - Throws: `ClientSetupError` where the file of certificate authorities cannot be used.
    public init(_ settings: Settings) throws(ClientSetupError) {
        self.settings = settings
        authorities = try Self.authorities(settings)
        var configuration = HTTPClient.Configuration()
        var tls = TLSConfiguration.makeClientConfiguration()
        tls.minimumTLSVersion = .tlsv12
        tls.additionalTrustRoots = authorities.map { [.certificates($0.certificates)] } ?? []
        configuration.tlsConfiguration = tls
        configuration.redirectConfiguration = .disallow
        configuration.httpVersion = .http1Only
        // The deadline of the poll covers connecting. A refused connection is an answer, not a reason to try on until the deadline.
        configuration.timeout.connect = TimeAmount(settings.timeout)
        configuration.connectionPool.retryConnectionEstablishment = false
        // No account waits until another, whose answer is slow to come, gives a connection back.
        configuration.connectionPool.concurrentHTTP1ConnectionsPerHostSoftLimit = 100_000
        configuration.connectionPool.idleTimeout = .minutes(6)
        configuration.http1_1ConnectionDebugInitializer = ResponseGuard.install
        if let proxy = settings.proxy {
            switch proxy.kind {
            case .http:
                configuration.proxy =
                    if let user = proxy.user {
                        .server(
                            host: proxy.host, port: proxy.port,
                            authorization: .basic(username: user, password: proxy.password ?? ""))
                    } else {
                        .server(host: proxy.host, port: proxy.port)
                    }
            case .socks5:
                configuration.proxy = .socksServer(host: proxy.host, port: proxy.port)
            }
        }
        http = HTTPClient(eventLoopGroupProvider: .shared(PollingLoop.shared.group), configuration: configuration)
    }

    /// Whether the file of certificate authorities names others now than those that these connections trust.
    ///
    /// - Throws: `ClientSetupError` where it cannot be used any more.
    public func areOutdated() throws(ClientSetupError) -> Bool {
        try Self.authorities(settings) != authorities
    }

    private static func authorities(_ settings: Settings) throws(ClientSetupError) -> CertificateAuthorities? {
        try settings.caFile.map { (file) throws(ClientSetupError) in try CertificateAuthorities(file: file) }
    }

    /// Closes the connections. They cannot be used afterwards.
    public func shutdown() async {
        // It fails only where it was shut down before, which leaves nothing to do.
        try? await http.shutdown()
    }

    /// Takes note that an answer was read to its end.
    func answered() {
        hasAnswered.store(true, ordering: .relaxed)
    }

    /// Sends the request, and once more where it met an open connection that the server was just closing.
    ///
    /// Servers close idle connections at their own time, which can be the moment a poll begins. RFC 9110, section 9.2.2 lets a client
    /// repeat a GET then. A connection that is lost after the answer has begun is a failure, and so is one that was new.
    func execute(_ request: HTTPClientRequest) async throws -> HTTPClientResponse {
        let mayBeReused = hasAnswered.load(ordering: .relaxed)
        do {
            return try await http.execute(request, deadline: .distantFuture)
        } catch let error where mayBeReused && APIError(transport: error).reason == .connect {
            try Task.checkCancellation()
            return try await http.execute(request, deadline: .distantFuture)
        }
    }
}

/// Why the client cannot be set up.
public struct ClientSetupError: Error, Sendable, Equatable, CustomStringConvertible {
    public let description: String

    init(_ description: String) {
        self.description = description
    }
}
