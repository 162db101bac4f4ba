import Basics
import Glibc
import HTTPServer
import Logging
import NIOCore
import NIOPosix
import Testing

@testable import hypersender_exporter

/// Probes of servers, over real sockets.
@Suite struct ProbeTests {
    /// Runs a server that is unavailable while `body` runs.
    private func withServer(
        at address: String = "127.0.0.1:0", tls: TLSOptions? = nil, _ body: (ListenAddress) async throws -> Void
    ) async throws {
        let logger = Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }
        var configuration = ServerConfiguration(addresses: [try ListenAddress(address)])
        if let tls {
            var security = WebSecurity()
            security.tls = tls
            configuration.security = try LiveSecurity(security, logger: logger)
        }
        let server = try await Server(configuration, logger: logger) { request in
            .now(Response(status: request.path == "/-/healthy" ? 503 : 404, body: Body("no")))
        }
        let result: Result<Void, any Error>
        do {
            result = .success(try await body(server.addresses[0]))
        } catch {
            result = .failure(error)
        }
        await server.shutdown(grace: .zero)
        try result.get()
    }

    private static let tls = TLSOptions(
        certificate: .inline(Certificates.serverChain), key: .inline(Certificates.serverKey))

    private func answer(
        _ address: String, usesTLS: Bool = false, within time: Duration = .seconds(60)
    ) async throws -> Int? {
        try await Probe(address: ListenAddress(address), usesTLS: usesTLS).ask("/-/healthy", within: time)
    }

    private func failure(
        _ address: String, usesTLS: Bool = false, within time: Duration = .seconds(60)
    ) async -> String? {
        await #expect(throws: Problem.self) {
            _ = try await answer(address, usesTLS: usesTLS, within: time)
        }?.description
    }

    @Test func theStatusIsTold() async throws {
        try await withServer { address in
            for host in ["127.0.0.1", "", "0.0.0.0", "localhost"] {
                let answer = try await answer("\(host):\(address.port)")
                #expect(answer == 503, "\(host)")
            }
        }
    }

    @Test func aUnixSocketIsAsked() async throws {
        let path = "unix:/tmp/probe \(getpid()).sock"
        let before = await failure(path)
        #expect(before == "there is no such socket")
        try await withServer(at: path) { _ in
            let answer = try await answer(path)
            #expect(answer == 503)
        }
    }

    @Test(arguments: [
        (":1", "http://127.0.0.1:1"), ("0.0.0.0:1", "http://127.0.0.1:1"), ("[::]:1", "http://[::1]:1"),
        ("192.0.2.1:1", "http://192.0.2.1:1"), ("[2001:db8::1]:1", "http://[2001:db8::1]:1"),
        ("unix:/a b", "http+unix://%2Fa%20b"),
    ])
    func theLoopbackStandsForAllAddresses(address: String, origin: String) throws {
        #expect(Probe(address: try ListenAddress(address), usesTLS: false).origin == origin)
    }

    @Test func aServerOfTLSIsAsked() async throws {
        try await withServer(tls: Self.tls) { address in
            let encrypted = try await answer("127.0.0.1:\(address.port)", usesTLS: true)
            #expect(encrypted == 503)
            // The answer of a TLS server to a client that speaks plain HTTP.
            let plain = try await answer("127.0.0.1:\(address.port)")
            #expect(plain == 400)
        }
    }

    @Test(arguments: [TLSOptions.Version.tls10, .tls12, .tls13])
    func aServerThatWantsACertificateIsThere(version: TLSOptions.Version) async throws {
        var tls = Self.tls
        tls.clients = ClientCertificates(.requireAndVerify, authority: .inline(Certificates.ca))
        tls.versions = version...version
        try await withServer(tls: tls) { address in
            let answer = try await answer("127.0.0.1:\(address.port)", usesTLS: true)
            #expect(answer == nil)
        }
    }

    @Test func aPlainServerIsNoneOfTLS() async throws {
        try await withServer { address in
            let failure = await failure("127.0.0.1:\(address.port)", usesTLS: true)
            #expect(failure != nil)
        }
    }

    @Test func whoeverIsSilentIsGivenUp() async throws {
        let silent = try await ServerBootstrap(group: MultiThreadedEventLoopGroup.singleton)
            .bind(host: "127.0.0.1", port: 0).get()
        let port = silent.localAddress?.port ?? 0
        for usesTLS in [false, true] {
            let silence = await failure("127.0.0.1:\(port)", usesTLS: usesTLS, within: .milliseconds(100))
            #expect(silence == "no answer in time")
        }
        try await silent.close()
        let absence = await failure("127.0.0.1:\(port)")
        #expect(absence == "nothing listens there")
    }

    @Test func whoeverHangsUpHasNotAnswered() async throws {
        let rude = try await ServerBootstrap(group: MultiThreadedEventLoopGroup.singleton)
            .childChannelInitializer { $0.close() }
            .bind(host: "127.0.0.1", port: 0).get()
        let failure = await failure("127.0.0.1:\(rude.localAddress?.port ?? 0)")
        #expect(failure == "the connection was closed without an answer")
        try await rude.close()
    }
}
