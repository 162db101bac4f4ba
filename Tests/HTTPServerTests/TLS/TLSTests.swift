import Logging
import NIOCore
import NIOSSL
import Testing

@testable import HTTPServer

/// Connections with TLS over real sockets.
@Suite struct TLSTests {
    private static let ok: Handler = { _ in .now(Response(status: 200, body: Body("ok"))) }

    private func limits(_ change: (inout Limits) -> Void) -> Limits {
        var limits = Limits.patient
        change(&limits)
        return limits
    }

    /// Returns the response to a client of this configuration; `nil` if the connection is refused.
    private func answer(of server: Server, to configuration: TLSConfiguration) async throws -> String? {
        let client = try await TestClient.connect(to: server.port, tls: configuration)
        try? await client.get("/")
        return await client.response()?.body
    }

    private func certificate(of server: Server) async throws -> NIOSSLCertificate? {
        let client = try await TestClient.connect(to: server.port, tls: .client())
        try await client.get("/")
        _ = await client.response()
        return try await client.serverCertificate
    }

    // MARK: - Serving

    @Test func requestsAreAnswered() async throws {
        let large = Body([UInt8](repeating: 0x61, count: 6_000_000))
        try await withServer(security: .tls()) { request in
            .now(Response(status: 200, body: request.path == "/large" ? large : Body("ok")))
        } _: { server in
            let client = try await TestClient.connect(to: server.port, tls: .client())
            for _ in 0..<3 {
                try await client.get("/")
                #expect(await client.response()?.body == "ok")
                try await client.get("/large")
                #expect(await client.response()?.body.utf8.count == 6_000_000)
            }
            try await client.get("/", "Connection: close")
            #expect(await client.response()?.body == "ok")
            #expect(await client.readToEnd() == "")
        }
    }

    /// Clients that would rather have HTTP/2 are served as all others.
    @Test(arguments: [["h2", "http/1.1"], ["h2"], ["http/1.1"], []])
    func protocolIsHTTP1(offered: [String]) async throws {
        try await withServer(security: .tls(), handler: Self.ok) { server in
            let client = try await TestClient.connect(
                to: server.port, tls: .client { $0.applicationProtocols = offered })
            try await client.get("/")
            #expect(await client.response()?.body == "ok")
            #expect(client.negotiatedProtocol == (offered.contains("http/1.1") ? "http/1.1" : nil))
        }
    }

    @Test func rawRepliesAreSent() async throws {
        let handler: Handler = { _ in
            .raw { writer in
                for _ in 0..<3 { try await writer.write("hello") }
            }
        }
        try await withServer(security: .tls(), handler: handler) { server in
            let client = try await TestClient.connect(to: server.port, tls: .client())
            try await client.get("/", "Connection: close")
            #expect(await client.readToEnd() == "hellohellohello")
        }
    }

    @Test func aClientThatClosesItsSideIsAnswered() async throws {
        try await withServer(security: .tls()) { _ in
            .later { Response(status: 200, body: Body("late")) }
        } _: { server in
            let client = try await TestClient.connect(to: server.port, tls: .client())
            try await client.get("/")
            try await client.closeOutput()
            #expect(await client.response()?.body == "late")
            #expect(await client.readToEnd() == "")
        }
    }

    @Test func aRefusalCanBeReadByAClientThatIsStillSending() async throws {
        try await withServer(security: .tls(), handler: Self.ok) { server in
            let client = try await TestClient.connect(to: server.port, tls: .client())
            try await client.send("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1000000\r\n\r\n")
            try await client.send(String(repeating: "x", count: 200_000))
            #expect(await client.response()?.status == 413)
            #expect(await client.readToEnd() == "")
        }
    }

    @Test func aPlainRequestIsToldSo() async throws {
        try await withServer(security: .tls(), handler: Self.ok) { server in
            let client = try await TestClient.connect(to: server.port)
            try await client.get("/")
            let answer = await client.readToEnd()
            #expect(
                answer == "HTTP/1.0 400 Bad Request\r\n\r\nClient sent an HTTP request to an HTTPS server.\n")
        }
    }

    // MARK: - Deadlines and the end

    @Test(arguments: ["", "\u{16}\u{3}\u{1}\u{2}"])
    func anUnfinishedHandshakeIsClosed(start: String) async throws {
        let limits = limits { $0.requestDeadline = .milliseconds(50) }
        try await withServer(limits: limits, security: .tls(), handler: Self.ok) { server in
            let client = try await TestClient.connect(to: server.port)
            try await client.send(start)
            #expect(await client.readToEnd() == "")
        }
    }

    @Test func aClientThatTakesNothingIsClosed() async throws {
        let body = Body([UInt8](repeating: 0x61, count: 30_000_000))
        let asked = Signal()
        let mayAnswer = Signal()
        let ended = Signal()
        let limits = limits { $0.writeDeadline = .milliseconds(100) }
        try await withServer(limits: limits, security: .tls()) { _ in
            asked.fire()
            return .later {
                await mayAnswer.wait()
                var response = Response(status: 200, body: body)
                response.onEnd = { ended.fire() }
                return response
            }
        } _: { server in
            let client = try await TestClient.connect(to: server.port, tls: .client())
            try await client.get("/")
            await asked.wait()
            try await client.pauseReading()
            mayAnswer.fire()
            await ended.wait()
            // The server may have closed the connection already.
            try? await client.resumeReading()
            #expect(await client.readToEnd().utf8.count < 30_000_000)
        }
    }

    @Test func shutdownAnswersWhatIsInFlight() async throws {
        let asked = Signal()
        let mayAnswer = Signal()
        let server = try await Server(security: try .tls()) { request in
            request.path == "/"
                ? .now(Response(status: 200))
                : .later {
                    asked.fire()
                    await mayAnswer.wait()
                    return Response(status: 200, body: Body([UInt8](repeating: 0x61, count: 3_000_000)))
                }
        }
        let idle = try await TestClient.connect(to: server.port, tls: .client())
        try await idle.get("/")
        _ = await idle.response()
        let busy = try await TestClient.connect(to: server.port, tls: .client())
        try await busy.get("/slow")
        await asked.wait()
        async let shutdown: Void = server.shutdown(grace: .seconds(60))
        #expect(await idle.readToEnd() == "")
        mayAnswer.fire()
        let response = await busy.response()
        #expect(response?.body.utf8.count == 3_000_000)
        #expect(response?.head.contains("Connection: close\r\n") == true)
        await shutdown
    }

    // MARK: - Clients' certificates

    enum Shown: CaseIterable {
        case none, client, stranger
    }

    @Test(arguments: [
        (nil, [Shown.none, .client, .stranger]),
        (ClientCertificates.Policy.request, [.none, .client, .stranger]),
        (.requireAny, [.client, .stranger]),
        (.verifyIfGiven, [.none, .client]),
        (.requireAndVerify, [.client]),
    ])
    func clientsAreLetInByTheirCertificates(policy: ClientCertificates.Policy?, welcome: [Shown]) async throws {
        let security = try LiveSecurity.tls {
            $0.clients = policy.map { ClientCertificates($0, authority: .inline(Certificates.ca)) }
        }
        try await withServer(security: security, handler: Self.ok) { server in
            for shown in Shown.allCases {
                for version in [TLSVersion.tlsv12, .tlsv13] {
                    var configuration =
                        switch shown {
                        case .none: try TLSConfiguration.client()
                        case .client:
                            try TLSConfiguration.client(
                                showing: Certificates.client, key: Certificates.clientKey)
                        case .stranger:
                            try TLSConfiguration.client(
                                showing: Certificates.stranger, key: Certificates.strangerKey)
                        }
                    configuration.maximumTLSVersion = version
                    let body = try await answer(of: server, to: configuration)
                    #expect((body != nil) == welcome.contains(shown), "\(shown) over \(version)")
                }
            }
        }
    }

    @Test(arguments: [
        ("prometheus.example.org", true), ("192.0.2.7", true), ("2001:db8:0::7", true), ("ops@example.org", true),
        ("spiffe://example.org/prometheus", true), ("example.org", false), ("client", false), ("192.0.2.8", false),
    ])
    func namesAreCompared(name: String, isAllowed: Bool) throws {
        let certificate = try #require(Certificates.parsed(Certificates.client).first)
        #expect(certificate.bears(oneOf: ["other", name]) == isAllowed)
    }

    @Test func aClientOfAnotherNameNeverReachesTheHandler() async throws {
        let asked = Signal()
        let live = try LiveSecurity.tls {
            $0.clients = ClientCertificates(
                .requireAndVerify, authority: .inline(Certificates.ca), allowedNames: ["grafana.example.org"])
        }
        try await withServer(security: live) { _ in
            asked.fire()
            return .now(Response(status: 200, body: Body("ok")))
        } _: { server in
            let configuration = try TLSConfiguration.client(
                showing: Certificates.client, key: Certificates.clientKey)
            let refused = try await answer(of: server, to: configuration)
            #expect(refused == nil)
            #expect(asked.count == 0)
            var settings = live.settings
            settings.tls?.clients?.allowedNames.append("prometheus.example.org")
            try live.replace(with: settings)
            let body = try await answer(of: server, to: configuration)
            #expect(body == "ok")
        }
    }

    // MARK: - Versions, cipher suites, curves

    @Test(arguments: [
        (TLSOptions.Version.tls12, TLSOptions.Version.tls13, TLSVersion.tlsv11, false),
        (.tls12, .tls13, .tlsv12, true),
        (.tls13, .tls13, .tlsv12, false),
        (.tls13, .tls13, .tlsv13, true),
        (.tls10, .tls12, .tlsv1, true),
        (.tls11, .tls12, .tlsv1, false),
    ])
    func versionsAreLimited(
        minimum: TLSOptions.Version, maximum: TLSOptions.Version, client: TLSVersion, isServed: Bool
    ) async throws {
        let security = try LiveSecurity.tls {
            $0.versions = minimum...maximum
        }
        try await withServer(security: security, handler: Self.ok) { server in
            let body = try await answer(of: server, to: .client { $0.maximumTLSVersion = client })
            #expect((body != nil) == isServed)
        }
    }

    @Test func onlyTheCipherSuitesAndCurvesNamedAreTaken() async throws {
        let security = try LiveSecurity.tls {
            $0.versions = .tls12 ... .tls12
            $0.cipherSuites = [CipherSuite("TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384")].compactMap(\.self)
            $0.curves = [.p384, .p521]
        }
        try await withServer(security: security, handler: Self.ok) { server in
            for (cipher, curves, isServed) in [
                // The first curve is that of the certificate's key, which a client must know too.
                (NIOTLSCipher.TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384, [NIOTLSCurve.secp256r1, .secp384r1], true),
                (.TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256, [.secp256r1, .secp384r1], false),
                (.TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384, [.secp256r1], false),
            ] {
                let body = try await answer(
                    of: server,
                    to: .client {
                        $0.cipherSuiteValues = [cipher]
                        $0.curves = curves
                    })
                #expect((body != nil) == isServed)
            }
        }
    }

    // MARK: - Changes

    @Test func newConnectionsFollowTheNewestSettings() async throws {
        let live = try LiveSecurity(WebSecurity(), logger: .silent)
        try await withServer(security: live, handler: Self.ok) { server in
            let before = try await TestClient.connect(to: server.port)
            try await before.get("/")
            #expect(await before.response()?.body == "ok")

            try live.replace(with: .tls())
            let first = try await certificate(of: server)
            #expect(first == Certificates.parsed(Certificates.serverChain).first)
            #expect(await before.readToEnd() == "", "it was let in without TLS")

            try live.replace(
                with: .tls {
                    $0.certificate = .inline(Certificates.otherChain)
                    $0.key = .inline(Certificates.otherKey)
                })
            let second = try await certificate(of: server)
            #expect(second == Certificates.parsed(Certificates.otherChain).first)

            #expect(throws: CertificateError.self) {
                try live.replace(with: .tls { $0.key = .inline(Certificates.otherKey) })
            }
            let third = try await certificate(of: server)
            #expect(third == second)

            try live.replace(with: WebSecurity())
            let after = try await TestClient.connect(to: server.port)
            try await after.get("/")
            #expect(await after.response()?.body == "ok")
        }
    }

    struct Change: Sendable, CustomTestStringConvertible {
        let testDescription: String
        let ends: Bool
        let change: @Sendable (inout WebSecurity) -> Void

        init(_ text: String, ends: Bool, _ change: @escaping @Sendable (inout WebSecurity) -> Void) {
            testDescription = text
            self.ends = ends
            self.change = change
        }
    }

    /// Each change of settings that ask for a certificate of the test's CA and allow one name.
    static let changes = [
        Change("nothing", ends: false) { _ in },
        Change("header fields", ends: false) { $0.headers = ["A": "b"] },
        Change("users", ends: false) { $0.authExemptPaths = ["/a"] },
        Change("the server's certificate", ends: false) {
            $0.tls?.certificate = .inline(Certificates.otherChain)
            $0.tls?.key = .inline(Certificates.otherKey)
        },
        Change("another text of the same CA", ends: false) {
            $0.tls?.clients?.authority = .inline("# CA\n" + Certificates.ca)
        },
        Change("another CA", ends: true) { $0.tls?.clients?.authority = .inline(Certificates.stranger) },
        Change("one more CA", ends: true) {
            $0.tls?.clients?.authority = .inline(Certificates.ca + "\n" + Certificates.stranger)
        },
        Change("other names", ends: true) { $0.tls?.clients?.allowedNames = ["192.0.2.8"] },
        Change("no names", ends: true) { $0.tls?.clients?.allowedNames = [] },
        Change("any certificate", ends: true) { $0.tls?.clients?.policy = .requireAny },
        Change("newer versions", ends: true) { $0.tls?.versions = .tls13 ... .tls13 },
        Change("no TLS", ends: true) { $0.tls = nil },
    ]

    @Test(arguments: changes)
    func connectionsEndWithTheirRules(change: Change) async throws {
        let (asked, mayAnswer) = (Signal(), Signal())
        let live = try LiveSecurity.tls {
            $0.clients = ClientCertificates(
                .requireAndVerify, authority: .inline(Certificates.ca), allowedNames: ["prometheus.example.org"])
        }
        try await withServer(security: live) { request in
            request.path == "/"
                ? .now(Response(status: 200, body: Body("ok")))
                : .later {
                    asked.fire()
                    await mayAnswer.wait()
                    return Response(status: 200, body: Body("late"))
                }
        } _: { server in
            let configuration = try TLSConfiguration.client(showing: Certificates.client, key: Certificates.clientKey)
            let idle = try await TestClient.connect(to: server.port, tls: configuration)
            let busy = try await TestClient.connect(to: server.port, tls: configuration)
            for client in [idle, busy] {
                try await client.get("/")
                #expect(await client.response()?.body == "ok")
            }
            try await busy.get("/slow")
            await asked.wait()

            var settings = live.settings
            change.change(&settings)
            try live.replace(with: settings)
            if change.ends {
                #expect(await idle.readToEnd() == "")
            } else {
                try await idle.get("/")
                #expect(await idle.response()?.body == "ok")
            }
            mayAnswer.fire()
            let last = await busy.response()
            #expect(last?.body == "late")
            #expect(last?.head.contains("Connection: close\r\n") == change.ends)
            if change.ends {
                #expect(await busy.readToEnd() == "")
            }
        }
    }

    @Test func connectionsEndWithTheFileOfTheirCA() async throws {
        try await withDirectory { directory in
            let path = "\(directory)/ca"
            try put(Certificates.ca, at: path, in: directory)
            let settings = WebSecurity.tls {
                $0.clients = ClientCertificates(.requireAndVerify, authority: .file(path))
            }
            let live = try LiveSecurity(settings, logger: .silent)
            try await withServer(security: live, handler: Self.ok) { server in
                let configuration = try TLSConfiguration.client(
                    showing: Certificates.client, key: Certificates.clientKey)
                let client = try await TestClient.connect(to: server.port, tls: configuration)
                // Neither one that says the same nor one that cannot be used ends anything.
                for text in ["# CA\n" + Certificates.ca, "nothing"] {
                    try put(text, at: path, in: directory)
                    live.refresh()
                    try await client.get("/")
                    #expect(await client.response()?.body == "ok")
                }
                try put(Certificates.stranger, at: path, in: directory)
                live.refresh()
                #expect(await client.readToEnd() == "")
                let refused = try await answer(of: server, to: configuration)
                #expect(refused == nil)
            }
        }
    }

    @Test func changedFilesAreReadAgainAndBrokenOnesAreNotUsed() async throws {
        try await withDirectory { directory in
            let (certificatePath, keyPath) = ("\(directory)/cert", "\(directory)/key")
            try put(Certificates.serverChain, at: certificatePath, in: directory)
            try put(Certificates.serverKey, at: keyPath, in: directory)
            let book = LogBook()
            let settings = WebSecurity.tls {
                $0.certificate = .file(certificatePath)
                $0.key = .file(keyPath)
            }
            let live = try LiveSecurity(settings, logger: book.logger)
            try await withServer(security: live, handler: Self.ok) { server in
                let first = try await certificate(of: server)
                #expect(first == Certificates.parsed(Certificates.serverChain).first)

                try put(Certificates.otherChain, at: certificatePath, in: directory)
                for _ in 0..<3 {
                    live.refresh()
                    let kept = try await certificate(of: server)
                    #expect(kept == first)
                }
                #expect(book.count(.error) == 1)

                try put(Certificates.otherKey, at: keyPath, in: directory)
                live.refresh()
                let second = try await certificate(of: server)
                #expect(second == Certificates.parsed(Certificates.otherChain).first)
                #expect(book.count(.error) == 1)
            }
        }
    }

    // MARK: - Mistakes

    struct Mistake: Sendable, CustomTestStringConvertible {
        let text: String
        let change: @Sendable (inout TLSOptions) -> Void

        init(_ text: String, _ change: @escaping @Sendable (inout TLSOptions) -> Void) {
            self.text = text
            self.change = change
        }

        var testDescription: String { text }
    }

    @Test(arguments: [
        Mistake("certificate: the text holds no certificate in PEM form") { $0.certificate = .inline("nothing") },
        Mistake("certificate: /nowhere/cert cannot be opened: No such file or directory") {
            $0.certificate = .file("/nowhere/cert")
        },
        Mistake("certificate: /tmp is not a regular file: it must stay readable, since it is read again and again") {
            $0.certificate = .file("/tmp")
        },
        Mistake("key: /nowhere/key cannot be opened: No such file or directory") { $0.key = .file("/nowhere/key") },
        Mistake("key: the text holds no private key in PEM form, without a passphrase") { $0.key = .inline("x") },
        Mistake("key: the text does not hold the key of the certificate") { $0.key = .inline(Certificates.otherKey) },
        Mistake("client CA: the text holds no certificate in PEM form") {
            $0.clients = ClientCertificates(.requireAndVerify, authority: .inline(""))
        },
    ])
    func mistakesAreNamed(mistake: Mistake) {
        let error = #expect(throws: CertificateError.self) {
            try LiveSecurity(.tls(mistake.change), logger: .silent)
        }
        #expect(error?.description == mistake.text)
    }

    /// Expected mistakes of a certificate, a key and a client CA together; dots stand for any words.
    @Test(
        arguments: [
            (
                .inline(Certificates.serverChain), .inline(Certificates.serverKey), .inline(Certificates.ca),
                1_800_000_000, []
            ),
            (
                .file("/nowhere/cert"), .file("/nowhere/key"), .inline("x"), 1_800_000_000,
                [
                    "certificate: /nowhere/cert cannot be opened: No such file or directory",
                    "key: /nowhere/key cannot be opened: No such file or directory",
                    "client CA: the text holds no certificate in PEM form",
                ]
            ),
            (
                .inline(Certificates.serverChain), .inline(Certificates.otherKey), .file("/tmp"), 1_800_000_000,
                [
                    "client CA: /tmp is not a regular file: it must stay readable, since it is read again and again",
                    "key: the text does not hold the key of the certificate",
                ]
            ),
            (nil, .inline("x"), nil, 0, ["key: the text holds no private key in PEM form, without a passphrase"]),
            (
                .inline(Certificates.serverChain), nil, nil, 4_200_000_000,
                [
                    "warning: certificate: the text holds a certificate that has expired: it was valid until 2100-01-01T00:00:00Z"
                ]
            ),
            (
                nil, nil, .inline(Certificates.ca), 1_500_000_000,
                [
                    "warning: client CA: the text holds a certificate that is not valid yet, but from 2020-01-01T00:00:00Z"
                ]
            ),
        ] as [(TLSOptions.PEM?, TLSOptions.PEM?, TLSOptions.PEM?, Int, [String])])
    func everyFaultIsFoundAtOnce(
        certificate: TLSOptions.PEM?, key: TLSOptions.PEM?, clientCA: TLSOptions.PEM?, now: Int, expected: [String]
    ) {
        let found = TLSInspection(certificate: certificate, key: key, clientCA: clientCA, now: now)
        #expect(found.faults.map(\.description) + found.warnings.map { "warning: \($0)" } == expected)
    }
}
