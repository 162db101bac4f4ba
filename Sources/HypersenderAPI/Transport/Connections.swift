import AsyncHTTPClient
import Basics
import NIOCore
import NIOHTTP1
import NIOPosix
import NIOSSL
import Synchronization

/// Connections to the API, shared by all accounts that reach it in the same way.
///
/// Each request has a connection to itself, so that none waits for another; what is shared are the trusted authorities, which are large, and
/// connections that are idle. A connection is kept for five minutes at most: the next one is made to the address that the host has by then.
public final class Connections: Sendable {
    /// The settings in which connections differ.
    public struct Settings: Sendable, Hashable {
        /// What to connect through; nil to connect directly.
        public var proxy: ProxySettings.Proxy?
        /// The certificate authorities to trust; `nil` if no connection uses TLS.
        public var authorities: Authorities?
        /// How long connecting may take.
        public var timeout: Duration
    }

    /// The sources of the certificate authorities to trust.
    public struct Authorities: Sendable, Hashable {
        /// The places of the system's.
        public var system: SystemAuthorities
        /// A PEM file of further ones.
        public var file: String?
    }

    /// The settings that these connections were set up for.
    public let settings: Settings
    /// The authorities that the settings' files named, and TLS that trusts them.
    private let authorities: CertificateAuthorities?
    private let tls: NIOSSLContext?
    private let resolver: HostResolver
    private let state = Mutex(State())

    private struct State {
        var routes: [Route: Pool] = [:]
        var order = AddressOrder()
        var isShutDown = false
    }

    /// A way to the server of an origin.
    private struct Route: Hashable {
        var origin: Origin
        /// The address to connect to, of the origin or of the proxy.
        var address: String
        /// The time that connecting may take.
        var patience: Duration
    }

    /// The connections of one route. It exists as long as there is a connection, or a request that needs one.
    private struct Pool {
        let http: HTTPClient
        var requests = 0
        var connections = 0
        /// Connections on which no request is under way.
        var idle = 0

        mutating func record(_ event: ConnectionAgeHandler.Event) {
            switch event {
            case .opened: connections += 1
            case .becameBusy: idle -= 1
            case .becameIdle: idle += 1
            case .closed: connections -= 1
            }
        }
    }

    /// Sets up connections; none is made yet.
    ///
    /// - Throws: `ClientSetupError` where the file of certificate authorities cannot be used.
    public convenience init(_ settings: Settings) throws(ClientSetupError) {
        try self.init(settings, resolver: .shared)
    }

    init(_ settings: Settings, resolver: HostResolver) throws(ClientSetupError) {
        self.settings = settings
        self.resolver = resolver
        authorities = try Self.authorities(settings)
        tls = try authorities.map { (authorities) throws(ClientSetupError) in try authorities.makeContext() }
    }

    /// Whether the files of certificate authorities name others now than those that these connections trust.
    ///
    /// - Throws: `ClientSetupError` where they cannot be used any more.
    public func areOutdated() throws(ClientSetupError) -> Bool {
        try Self.authorities(settings) != authorities
    }

    private static func authorities(_ settings: Settings) throws(ClientSetupError) -> CertificateAuthorities? {
        try settings.authorities.map { (authorities) throws(ClientSetupError) in
            try CertificateAuthorities(system: authorities.system, file: authorities.file)
        }
    }

    /// Closes the connections. They cannot be used afterwards.
    public func shutdown() async {
        let pools = state.withLock { state in
            state.isShutDown = true
            defer { state.routes = [:] }
            return Array(state.routes.values)
        }
        for pool in pools {
            await Self.shutDown(pool.http)
        }
    }

    private static func shutDown(_ http: HTTPClient) async {
        // It fails only where it was shut down before, which leaves nothing to do.
        try? await http.shutdown()
    }

    /// Sends the request: on an open connection if there is one, else on a new one to an address that the host has now.
    ///
    /// Servers close idle connections at their own time, which can be the moment a poll begins. RFC 9110, section 9.2.2 lets a client
    /// repeat a GET then. A connection that is lost after the answer has begun is a failure, and so is one that was new.
    ///
    /// - Throws: `HostNotResolved`, or an error of the layers below.
    func execute(_ request: HTTPClientRequest) async throws -> HTTPClientResponse {
        guard let target = RequestTarget(request.url) else {
            throw HTTPClientError.invalidURL
        }
        let idle = state.withLock { state in
            state.routes.first { $0.key.origin == target.origin && $0.value.idle > 0 }?.key
        }
        if let idle {
            do {
                return try await send(request, to: target, by: idle)
            } catch let error where APIError(transport: error).reason == .connect {
                try Task.checkCancellation()
            }
        }
        return try await connectAndSend(request, to: target)
    }

    private func connectAndSend(
        _ request: HTTPClientRequest, to target: RequestTarget
    ) async throws -> HTTPClientResponse {
        let found = try await resolver.addresses(of: settings.proxy?.host ?? target.origin.host)
        let addresses = state.withLock { $0.order.sort(found) }
        for (index, address) in addresses.enumerated() {
            let patience = AddressOrder.patience(index: index, count: addresses.count, timeout: settings.timeout)
            do {
                let response = try await send(
                    request, to: target, by: Route(origin: target.origin, address: address, patience: patience))
                state.withLock { $0.order.record(address, isReachable: true) }
                return response
            } catch let error where Self.isUnreachable(error) {
                state.withLock { $0.order.record(address, isReachable: false) }
                try Task.checkCancellation()
                if index + 1 == addresses.count {
                    throw error
                }
            }
        }
        throw HTTPClientError.invalidURL
    }

    /// Whether an error tells that there was no connection, and another address may be tried.
    private static func isUnreachable(_ error: any Error) -> Bool {
        switch error {
        case let error as HTTPClientError:
            [.connectTimeout, .httpProxyHandshakeTimeout, .socksHandshakeTimeout].contains(error)
        case let error as IOError:
            [ECONNREFUSED, EHOSTUNREACH, ENETUNREACH, ETIMEDOUT, EADDRNOTAVAIL, EAFNOSUPPORT, EACCES, EPERM, EINVAL]
                .contains(error.errnoCode)
        case is NIOConnectionError: true
        default: false
        }
    }

    private func send(
        _ request: HTTPClientRequest, to target: RequestTarget, by route: Route
    ) async throws -> HTTPClientResponse {
        let http = try state.withLock { state in
            guard !state.isShutDown else {
                throw HTTPClientError.alreadyShutdown
            }
            state.routes[route, default: Pool(http: makeClient(route))].requests += 1
            return state.routes[route]?.http
        }
        defer { update(route) { $0.requests -= 1 } }
        guard let http else {
            throw HTTPClientError.alreadyShutdown
        }
        var request = request
        request.url = target.url(at: settings.proxy == nil ? route.address : target.origin.host)
        request.headers.replaceOrAdd(name: "host", value: target.authority)
        return try await http.execute(request, deadline: .distantFuture)
    }

    /// Changes what is known of a route's connections, and gives the route up once nothing uses it.
    private func update(_ route: Route, _ change: (inout Pool) -> Void) {
        let unused = state.withLock { state -> HTTPClient? in
            guard var pool = state.routes[route] else {
                return nil
            }
            change(&pool)
            let isUsed = pool.requests > 0 || pool.connections > 0
            state.routes[route] = isUsed ? pool : nil
            return isUsed ? nil : pool.http
        }
        if let unused {
            Task { await Self.shutDown(unused) }
        }
    }

    private func makeClient(_ route: Route) -> HTTPClient {
        var configuration = HTTPClient.Configuration()
        configuration.redirectConfiguration = .disallow
        configuration.httpVersion = .http1Only
        // The deadline of the poll covers connecting. A refused connection is an answer, not a reason to try on until the deadline.
        configuration.timeout.connect = TimeAmount(route.patience)
        configuration.connectionPool.retryConnectionEstablishment = false
        // No account waits until another, whose answer is slow to come, gives a connection back.
        configuration.connectionPool.concurrentHTTP1ConnectionsPerHostSoftLimit = 100_000
        configuration.connectionPool.idleTimeout = ConnectionAge.maximum + .minutes(1)
        configuration.http1_1ConnectionDebugInitializer = { [weak self, tls] channel in
            channel.eventLoop.makeCompletedFuture {
                let pipeline = channel.pipeline.syncOperations
                let age = ConnectionAgeHandler(jitter: .random(in: 0...1)) { event in
                    self?.update(route) { $0.record(event) }
                }
                try pipeline.addHandler(age, position: .after(ResponseGuard.install(in: pipeline)))
                // The client's own TLS would verify the certificate against the address, and tell less of failures.
                if route.origin.isEncrypted, let tls {
                    let host = route.origin.host
                    try pipeline.addHandlers(
                        [
                            NIOSSLClientHandler(
                                context: tls, serverHostname: IPAddress(host) == nil ? host : nil),
                            TLSFailureHandler(),
                        ], position: .first)
                }
            }
        }
        configuration.proxy = settings.proxy.map { proxy in
            switch proxy.kind {
            case .http:
                if let user = proxy.user {
                    .server(
                        host: route.address, port: proxy.port,
                        authorization: .basic(username: user, password: proxy.password ?? ""))
                } else {
                    .server(host: route.address, port: proxy.port)
                }
            case .socks5: .socksServer(host: route.address, port: proxy.port)
            }
        }
        return HTTPClient(eventLoopGroupProvider: .shared(PollingLoop.shared.group), configuration: configuration)
    }
}

/// Why the client cannot be set up.
public struct ClientSetupError: Error, Sendable, Equatable, CustomStringConvertible {
    public let description: String

    package init(_ description: String) {
        self.description = description
    }
}
