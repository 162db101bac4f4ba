import AsyncHTTPClient
public import Basics
import NIOCore
import NIOHTTP1
import NIOPosix
import NIOSSL
import Synchronization

/// Connections to the API, shared by all accounts that reach it in the same way.
///
/// They are closed with the last reference. Each request has a connection to itself, so that none waits for another.
/// Requests go to the address that answered last, for five minutes at most: a host that has moved may go on answering
/// at its old address. Names are resolved here, since AsyncHTTPClient looks up one after the other.
public final class ConnectionPool: Sendable {
    /// The settings in which connections differ.
    public struct Configuration: Sendable, Hashable {
        var proxy: ProxySettings.Proxy?
        var isEncrypted = false
        var systemAuthorities = SystemAuthorities()
        var caFile: String?
        /// The time that connecting may take.
        var timeout: Duration

        /// Reads the certificate authorities to trust; `nil` without TLS.
        fileprivate func authorities() throws(Problem) -> CertificateAuthorities? {
            isEncrypted ? try CertificateAuthorities(system: systemAuthorities, file: caFile) : nil
        }
    }

    /// The settings that these connections were set up for.
    public let configuration: Configuration
    private let authorities: CertificateAuthorities?
    private let tls: NIOSSLContext?
    private let resolver: HostResolver
    private let maximumAge: Duration
    private let state = Mutex(State())

    private struct State {
        /// The routes that answered last.
        var routes: [Origin: Route] = [:]
        var order = AddressOrder()
    }

    /// The connections to one address of an origin.
    private final class Route: Sendable {
        let origin: Origin
        /// The host in the URL of a request: the address, unless a proxy resolves the name.
        let urlHost: String
        let http: HTTPClient
        let expiry: ContinuousClock.Instant

        init(origin: Origin, urlHost: String, http: HTTPClient, expiry: ContinuousClock.Instant) {
            (self.origin, self.urlHost, self.http, self.expiry) = (origin, urlHost, http, expiry)
        }

        deinit {
            // It fails only if it was shut down before.
            Task { [http] in try? await http.shutdown() }
        }

        func get(_ target: String, _ headers: HTTPHeaders) async throws -> HTTPClientResponse {
            // TLS is added to the connection, so that it verifies the host and not the address.
            var request = HTTPClientRequest(url: "http://\(Origin.bracketed(urlHost)):\(origin.port)\(target)")
            request.headers = headers
            request.headers.replaceOrAdd(name: "host", value: origin.authority)
            return try await http.execute(request, deadline: .distantFuture)
        }
    }

    /// Sets up connections; none is made yet.
    ///
    /// - Throws: `Problem` if the file of certificate authorities cannot be used.
    public convenience init(_ configuration: Configuration) throws(Problem) {
        try self.init(configuration, resolver: .shared)
    }

    init(
        _ configuration: Configuration, resolver: HostResolver, maximumAge: Duration = .seconds(300)
    ) throws(Problem) {
        (self.configuration, self.resolver, self.maximumAge) = (configuration, resolver, maximumAge)
        authorities = try configuration.authorities()
        tls = try authorities?.makeContext()
    }

    /// Whether the files of certificate authorities name others now than these connections trust.
    ///
    /// - Throws: `Problem` if they cannot be used any more.
    public func isOutdated() throws(Problem) -> Bool {
        try configuration.authorities() != authorities
    }

    /// Sends a GET request for `target`, a path with a query, and passes the response to `read`.
    ///
    /// - Throws: `HostNotResolved`, an error of the layers below, or what `read` throws.
    func get<Result>(
        _ target: String, from origin: Origin, _ headers: HTTPHeaders,
        _ read: (HTTPClientResponse) async throws -> Result
    ) async throws -> Result {
        let (response, route) = try await response(to: target, from: origin, headers)
        defer { withExtendedLifetime(route) {} }
        return try await read(response)
    }

    private func response(
        to target: String, from origin: Origin, _ headers: HTTPHeaders
    ) async throws -> (HTTPClientResponse, Route) {
        if let route = state.withLock({ $0.routes[origin] }), route.expiry > .now {
            do {
                let response = try await route.get(target, headers)
                if response.closesConnection { drop(route) }
                return (response, route)
            } catch {
                drop(route)
                // Servers close idle connections at any time, such as when a poll begins. A GET may be repeated then
                // (RFC 9110, section 9.2.2).
                guard Self.isUnreachable(error) || APIError(transport: error).reason == .connect else { throw error }
                try Task.checkCancellation()
            }
        }
        let found = try await resolver.addresses(of: configuration.proxy?.host ?? origin.host)
        let addresses = state.withLock { $0.order.sort(found) }
        for (index, address) in addresses.enumerated() {
            let timeout = AddressOrder.timeout(index: index, count: addresses.count, of: configuration.timeout)
            let route = makeRoute(to: origin, at: address, timeout: timeout)
            do {
                let response = try await route.get(target, headers)
                state.withLock { state in
                    state.order.record(address, isReachable: true)
                    if !response.closesConnection { state.routes[origin] = route }
                }
                return (response, route)
            } catch let error where Self.isUnreachable(error) {
                state.withLock { $0.order.record(address, isReachable: false) }
                try Task.checkCancellation()
                if index + 1 == addresses.count { throw error }
            }
        }
        throw HTTPClientError.invalidURL
    }

    private func drop(_ route: Route) {
        state.withLock { state in
            if state.routes[route.origin] === route { state.routes[route.origin] = nil }
        }
    }

    /// Whether no connection was made, so that another address may be tried.
    private static func isUnreachable(_ error: any Error) -> Bool {
        switch error {
        case let error as HTTPClientError:
            [.connectTimeout, .httpProxyHandshakeTimeout, .socksHandshakeTimeout].contains(error)
        case let error as IOError: ![ECONNRESET, EPIPE].contains(error.errnoCode)
        default: error is NIOConnectionError
        }
    }

    private func makeRoute(to origin: Origin, at address: String, timeout: Duration) -> Route {
        var client = HTTPClient.Configuration()
        client.redirectConfiguration = .disallow
        client.httpVersion = .http1Only
        // The deadline of the poll covers the rest. A refused connection is an answer, not a reason to try on.
        client.timeout.connect = TimeAmount(timeout)
        client.connectionPool.retryConnectionEstablishment = false
        // No account waits until another, whose response is slow, gives its connection back.
        client.connectionPool.concurrentHTTP1ConnectionsPerHostSoftLimit = 100_000
        client.connectionPool.idleTimeout = TimeAmount(maximumAge)
        // There is none to trace for, and even one that does nothing takes time at each request.
        client.tracing.tracer = nil
        // The only place for handlers of ours that AsyncHTTPClient has; it is called for each new connection.
        client.http1_1ConnectionDebugInitializer = { [tls] channel in
            channel.eventLoop.makeCompletedFuture {
                let pipeline = channel.pipeline.syncOperations
                let parser = try pipeline.handler(type: ByteToMessageHandler<HTTPResponseDecoder>.self)
                try pipeline.addHandler(ResponseGuardHandler(), position: .after(parser))
                if origin.isEncrypted, let tls {
                    let name = IPAddress(origin.host) == nil ? origin.host : nil
                    try pipeline.addHandlers(
                        [NIOSSLClientHandler(context: tls, serverHostname: name), TLSFailureHandler()], position: .first
                    )
                }
            }
        }
        client.proxy = configuration.proxy.map { proxy in
            switch proxy.kind {
            case .http:
                .server(
                    host: address, port: proxy.port,
                    authorization: proxy.user.map { .basic(username: $0, password: proxy.password ?? "") })
            case .socks5: .socksServer(host: address, port: proxy.port)
            }
        }
        return Route(
            origin: origin, urlHost: configuration.proxy == nil ? address : origin.host,
            http: HTTPClient(eventLoopGroupProvider: .shared(PollingLoop.shared.group), configuration: client),
            expiry: .now + maximumAge)
    }
}

extension HTTPClientResponse {
    fileprivate var closesConnection: Bool {
        headers[canonicalForm: "connection"].contains { $0.lowercased() == "close" }
    }
}
