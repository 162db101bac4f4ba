import NIOSSL
import Testing

@testable import HTTPServer

/// Paths that need no client certificate, over real sockets.
@Suite struct ExemptPathTests {
    private static let ok: Handler = { _ in .now(Response(status: 200, body: Body("ok"))) }

    private func security(
        _ policy: ClientCertificates.Policy, change: (inout WebSecurity) -> Void = { _ in }
    ) throws -> LiveSecurity {
        var settings = WebSecurity.tls {
            $0.clients = ClientCertificates(policy, authority: .inline(Certificates.ca))
        }
        settings.authExemptPaths = ["/open"]
        change(&settings)
        return try LiveSecurity(settings, logger: .silent)
    }

    /// Returns the statuses of requests on one connection, as far as they are answered.
    private func statuses(
        _ server: Server, _ configuration: TLSConfiguration, _ paths: [String], _ fields: String...
    ) async throws -> [Int] {
        let client = try await TestClient.connect(to: server.port, tls: configuration)
        var statuses: [Int] = []
        for path in paths {
            try? await client.send("GET \(path) HTTP/1.1\r\nHost: a\r\n\(fields.map { $0 + "\r\n" }.joined())\r\n")
            guard let response = await client.response() else { break }
            statuses.append(response.status)
        }
        return statuses
    }

    private static func known() throws -> TLSConfiguration {
        try .client(showing: Certificates.client, key: Certificates.clientKey)
    }

    private static func stranger() throws -> TLSConfiguration {
        try .client(showing: Certificates.stranger, key: Certificates.strangerKey)
    }

    @Test(
        arguments: [
            (ClientCertificates.Policy.requireAndVerify, [200, 403, 403, 200], []),
            (.requireAny, [200, 403, 403, 200], [200, 200, 200, 200]),
            (.verifyIfGiven, [200, 200, 200, 200], []),
            (.request, [200, 200, 200, 200], [200, 200, 200, 200]),
        ], [TLSVersion.tlsv12, .tlsv13])
    func eachRequestIsJudged(
        rules: (ClientCertificates.Policy, none: [Int], stranger: [Int]), version: TLSVersion
    ) async throws {
        let paths = ["/open?a", "/", "/open/", "/open"]
        try await withServer(security: security(rules.0), handler: Self.ok) { server in
            let clients = [
                (try TLSConfiguration.client(), rules.none), (try Self.known(), [200, 200, 200, 200]),
                (try Self.stranger(), rules.stranger),
            ]
            for (configuration, expected) in clients {
                var configuration = configuration
                configuration.maximumTLSVersion = version
                let found = try await statuses(server, configuration, paths)
                #expect(found == expected)
            }
        }
    }

    @Test func aRefusalSaysWhy() async throws {
        try await withServer(security: security(.requireAndVerify), handler: Self.ok) { server in
            let client = try await TestClient.connect(to: server.port, tls: .client())
            try await client.get("/")
            #expect(await client.response()?.body == "A client certificate is required\n")
            // By its head, before the body is read.
            try await client.get("/", "Content-Length: 60000")
            let refused = await client.response()
            #expect(refused?.status == 403 && refused?.head.contains("Connection: close\r\n") == true)
        }
    }

    @Test func aPasswordIsNeededBesides() async throws {
        let hash = try #require(BcryptHash("$2b$04$abcdefghijklmnopqrstuu2r9OfJnfCsdneAXAGHnS4UpFFP8WIrW"))
        let security = try security(.requireAndVerify) { $0.users = ["prometheus": hash] }
        try await withServer(security: security, handler: Self.ok) { server in
            let password = "Authorization: Basic cHJvbWV0aGV1czpzZWNyZXQ="
            let without = try await statuses(server, .client(), ["/open", "/"], password)
            let certificate = try await statuses(server, Self.known(), ["/open", "/"])
            let both = try await statuses(server, Self.known(), ["/open", "/"], password)
            #expect(without == [200, 403] && certificate == [200, 401] && both == [200, 200])
        }
    }

    @Test func theHandshakeIsJudgedOnceNoPathIsExempt() async throws {
        let security = try security(.requireAndVerify) { _ in }
        try await withServer(security: security, handler: Self.ok) { server in
            let kept = try await TestClient.connect(to: server.port, tls: .client())
            try await kept.get("/open")
            #expect(await kept.response()?.status == 200)
            var settings = security.settings
            settings.authExemptPaths = []
            try security.replace(with: settings)
            try await kept.get("/open")
            #expect(await kept.response()?.status == 403)
            let without = try await statuses(server, .client(), ["/open"])
            let known = try await statuses(server, Self.known(), ["/open"])
            #expect(without == [] && known == [200])
        }
    }
}
