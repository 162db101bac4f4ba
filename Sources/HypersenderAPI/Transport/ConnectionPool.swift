import AsyncHTTPClient
import Basics
import NIOCore
import NIOHTTP1
import NIOPosix
import NIOSSL
import Synchronization

/// Connections to the API, shared by all accounts that reach it in the same way.
///
/// Each request has a connection to itself, so that none waits for another. Requests go to the address that answered
/// last, for five minutes at most: a host that has moved may go on answering at its old address. Names are resolved
/// here, since AsyncHTTPClient looks up one after the other.
public final class ConnectionPool: Sendable {
    /// The settings in which connections differ.
    public struct Configuration: Sendable, Hashable {
        /// The proxy to connect through; `nil` to connect directly.
        public var proxy: ProxySettings.Proxy?
        /// The certificate authorities to trust; `nil` if no connection uses TLS.
        public var authorities: Authorities?
        /// The time that connecting may take.
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

    /// The connections to one address of an origin. They are closed with the last reference.
    private final class Route: Sendable {
        let origin: Origin
        /// The host in the URL of a request: the address, unless a proxy resolves the name.
        let urlHost: String
        let http: HTTPClient
        let expiry: ContinuousClock.Instant

        init(origin: Origin, urlHost: String, http: HTTPClient, expiry: ContinuousClock.Instant) {
            self.origin = origin
            self.urlHost = urlHost
            self.http = http
            self.expiry = expiry
        }

        deinit {
            // It fails only if it was shut down before.
            Task { [http] in try? await http.shutdown() }
        }

        func get(_ target: String, _ headers: HTTPHeaders) async throws -> HTTPClientResponse {
            // TLS is added to the connection, so that it verifies the host and not the address.
            let url = "http://\(Origin.bracketed(urlHost)):\(origin.port)\(target)"
            var request = HTTPClientRequest(url: url)
            request.headers = headers
            request.headers.replaceOrAdd(name: "host", value: origin.authority)
            return try await http.execute(request, deadline: .distantFuture)
        }
    }

    /// Sets up connections; none is made yet.
    ///
    /// - Throws: `ClientSetupError` if the file of certificate authorities cannot be used.
    public convenience init(_ configuration: Configuration) throws(ClientSetupError) {
        try self.init(configuration, resolver: .shared)
    }

    init(
        _ configuration: Configuration, resolver: HostResolver, maximumAge: Duration = .seconds(300)
    ) throws(ClientSetupError) {
        self.configuration = configuration
        self.resolver = resolver
        self.maximumAge = maximumAge
        authorities = try CertificateAuthorities(configuration.authorities)
        tls = try authorities?.makeContext()
    }

    /// Whether the files of certificate authorities name others now than these connections trust.
    ///
    /// - Throws: `ClientSetupError` if they cannot be used any more.
    public func isOutdated() throws(ClientSetupError) -> Bool {
        try CertificateAuthorities(configuration.authorities) != authorities
    }

    /// Closes the connections. They cannot be used afterwards.
    public func shutdown() async {
        let routes = state.withLock { state in
            defer { state.routes = [:] }
            return Array(state.routes.values)
        }
        for route in routes {
            try? await route.http.shutdown()
        }
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
            switch (proxy.kind, proxy.user) {
            case (.http, let user?):
                .server(
                    host: address, port: proxy.port,
                    authorization: .basic(username: user, password: proxy.password ?? ""))
            case (.http, nil): .server(host: address, port: proxy.port)
            case (.socks5, _): .socksServer(host: address, port: proxy.port)
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

/// The reason why the client cannot be set up.
public struct ClientSetupError: Error, Sendable, Equatable, CustomStringConvertible {
    public let description: String

    package init(_ description: String) {
        self.description = description
    }
}
