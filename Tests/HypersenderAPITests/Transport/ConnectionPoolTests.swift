import Basics
import HTTPServer
import Logging
import NIOHTTP1
import Synchronization
import Testing

@testable import HypersenderAPI

/// The addresses that are connected to, with names that resolve as a test says.
final class ConnectionPoolTests: Sendable {
    /// Answers that can change, and a count of how often they were asked for.
    private final class Names: Sendable {
        private let state: Mutex<(addresses: [String], lookups: Int)>

        init(_ addresses: [String]) {
            state = Mutex((addresses, 0))
        }

        var lookups: Int { state.withLock { $0.lookups } }

        func change(to addresses: [String]) {
            state.withLock { $0.addresses = addresses }
        }

        @Sendable func lookUp(_ host: String) throws -> [String] {
            try state.withLock { state in
                state.lookups += 1
                if state.addresses.isEmpty { throw HostNotResolved(host: host, reason: "no name server answers") }
                return state.addresses
            }
        }
    }

    private let names = Names(["127.0.0.1"])
    /// The server and the `Host` of each request.
    private let requests = Mutex<[String]>([])

    private func connections(
        proxy: ProxySettings.Proxy? = nil, timeout: Duration = .seconds(300), maximumAge: Duration = .seconds(300)
    ) throws -> ConnectionPool {
        try ConnectionPool(
            ConnectionPool.Configuration(proxy: proxy, timeout: timeout),
            resolver: HostResolver(lookUp: names.lookUp), maximumAge: maximumAge)
    }

    private func withConnections(
        timeout: Duration = .seconds(300), maximumAge: Duration = .seconds(300),
        _ test: (ConnectionPool) async throws -> Void
    ) async throws {
        try await test(try connections(timeout: timeout, maximumAge: maximumAge))
    }

    /// A server that may close the connection after each answer.
    private func withServer(
        _ address: String, port: Int = 0, closes: Bool = false, _ test: (Int) async throws -> Void
    ) async throws {
        let server = try await Server(
            ServerConfiguration(addresses: [ListenAddress("\(address):\(port)")]),
            logger: Logger(label: "test", factory: { _ in SwiftLogNoOpLogHandler() })
        ) { [self] request in
            requests.withLock { $0.append("\(address) \(request.headers["Host"] ?? "")") }
            return .now(Response(status: 200, headers: closes ? ["Connection": "close"] : [:], body: Body("[]")))
        }
        do {
            try await test(server.addresses[0].port)
        } catch {
            await server.shutdown(grace: .zero)
            throw error
        }
        await server.shutdown(grace: .zero)
    }

    /// Polls once, and returns the server that was asked and the host it was asked for.
    private func poll(_ connections: ConnectionPool, host: String = "api.test", port: Int) async throws -> String? {
        var configuration = APIConfiguration(
            baseURL: try BaseURL("http://\(host):\(port)/v1", allowHTTP: true),
            token: .environment(name: "TEST", try Secret("1|test")), userAgent: "test/1")
        configuration.proxy = connections.configuration.proxy
        configuration.timeout = connections.configuration.timeout
        _ = try await HypersenderClient(configuration, connections: connections, budget: ResponseBudget())
            .listInstances()
        return requests.withLock { $0.last }
    }

    private func expectAnswer(
        from server: String, _ connections: ConnectionPool, host: String = "api.test", port: Int,
        location: SourceLocation = #_sourceLocation
    ) async throws {
        let answer = try await poll(connections, host: host, port: port)
        #expect(answer == "\(server) \(host):\(port)", sourceLocation: location)
    }

    @Test func aNewConnectionIsMadeToTheAddressOfNow() async throws {
        try await withServer("127.0.0.1", closes: true) { port in
            try await withServer("127.0.0.2", port: port) { _ in
                try await withConnections { connections in
                    try await expectAnswer(from: "127.0.0.1", connections, port: port)
                    names.change(to: ["127.0.0.2"])
                    try await expectAnswer(from: "127.0.0.2", connections, port: port)
                    // While that is kept, no name needs to be resolved.
                    names.change(to: [])
                    for _ in 0..<3 {
                        try await expectAnswer(from: "127.0.0.2", connections, port: port)
                    }
                    #expect(names.lookups == 2)
                    // That is so for this host only.
                    let error = await #expect(throws: APIError.self) {
                        try await poll(connections, host: "other.test", port: port)
                    }
                    #expect(error?.reason == .dns)
                }
            }
        }
    }

    @Test func anAddressIsNotUsedBeyondItsAge() async throws {
        try await withServer("127.0.0.1") { port in
            try await withServer("127.0.0.2", port: port) { _ in
                try await withConnections(maximumAge: .zero) { connections in
                    try await expectAnswer(from: "127.0.0.1", connections, port: port)
                    names.change(to: ["127.0.0.2"])
                    try await expectAnswer(from: "127.0.0.2", connections, port: port)
                }
            }
        }
    }

    /// The first response is still being read when its connection is too old for the next request.
    @Test func aRequestInFlightIsNotCutOff() async throws {
        try await withServer("127.0.0.1") { port in
            try await withConnections(maximumAge: .zero) { connections in
                let origin = Origin(scheme: "http", host: "api.test", port: port)
                let body = try await connections.get("/", from: origin, [:]) { response in
                    for _ in 0..<3 {
                        try await expectAnswer(from: "127.0.0.1", connections, port: port)
                    }
                    return try await response.bytes(upTo: 10, expecting: 10, room: { _ in 10 })
                }
                #expect(body == Array("[]".utf8))
            }
        }
    }

    @Test func hostsAtTheSameAddressShareNoConnection() async throws {
        try await withServer("127.0.0.1") { port in
            try await withConnections { connections in
                for _ in 0..<2 {
                    try await expectAnswer(from: "127.0.0.1", connections, host: "a.test", port: port)
                    try await expectAnswer(from: "127.0.0.1", connections, host: "b.test", port: port)
                }
                #expect(names.lookups == 2)
            }
        }
    }

    @Test func anAddressThatRefusesIsFollowedByTheNext() async throws {
        try await withServer("127.0.0.2", closes: true) { port in
            names.change(to: ["127.0.0.3", "::1", "127.0.0.2"])
            try await withConnections { connections in
                for _ in 0..<3 {
                    try await expectAnswer(from: "127.0.0.2", connections, port: port)
                }
            }
        }
    }

    /// 192.0.2.0/24 is for documentation: packets to it are lost, or refused by this machine.
    @Test func anAddressThatDoesNotAnswerIsFollowedByTheNext() async throws {
        try await withServer("127.0.0.1") { port in
            names.change(to: ["192.0.2.1", "127.0.0.1"])
            try await withConnections { connections in
                try await expectAnswer(from: "127.0.0.1", connections, port: port)
            }
        }
    }

    @Test func theLastAddressSaysWhyNoneCanBeReached() async throws {
        names.change(to: ["127.0.0.2", "127.0.0.3"])
        try await withServer("127.0.0.1") { port in
            try await withConnections { connections in
                let error = await #expect(throws: APIError.self) { try await poll(connections, port: port) }
                #expect(error?.reason == .connect)
                #expect(error?.detail.contains("refused") == true)
            }
        }
    }

    @Test(arguments: ["http://proxy.test:3128", "socks5://proxy.test"])
    func theNameOfAProxyIsResolvedInsteadOfTheHosts(variable: String) async throws {
        names.change(to: [])
        let url = try BaseURL("http://api.test", allowHTTP: true)
        let connections = try connections(proxy: ProxySettings(environment: ["HTTP_PROXY": variable]).proxy(for: url))
        let error = await #expect(throws: APIError.self) { try await poll(connections, port: 80) }
        #expect(error?.reason == .dns)
        #expect(error?.detail.contains("proxy.test") == true)
    }

    @Test(arguments: [
        ("https://api.test/v1", "api.test", 443, true, "api.test"),
        ("https://api.test:8443/v1", "api.test", 8443, true, "api.test:8443"),
        ("http://127.0.0.1", "127.0.0.1", 80, false, "127.0.0.1"),
        ("http://[::1]:8080/", "::1", 8080, false, "[::1]:8080"),
        ("https://[2001:db8::1]/", "2001:db8::1", 443, true, "[2001:db8::1]"),
    ])
    func aRequestKeepsItsHost(url: String, host: String, port: Int, isEncrypted: Bool, field: String) throws {
        let origin = try BaseURL(url).origin
        #expect(origin.host == host && origin.port == port && origin.isEncrypted == isEncrypted)
        #expect(origin.authority == field)
        #expect(Origin.bracketed(host) == (host.contains(":") ? "[\(host)]" : host))
    }
}
