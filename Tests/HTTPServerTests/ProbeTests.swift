import Glibc
import NIOCore
import NIOPosix
import Testing

@testable import HTTPServer

/// What a server is found to answer, over real sockets.
@Suite struct ProbeTests {
    private static let unavailable: Handler = { request in
        .now(Response(status: request.path == "/-/healthy" ? 503 : 404, body: Body("no")))
    }

    private func answer(
        _ address: String, usesTLS: Bool = false, within time: Duration = .seconds(60)
    ) async throws
        -> Probe.Answer
    {
        try await Probe(ListenAddress(address), usesTLS: usesTLS).ask("/-/healthy", within: time)
    }

    private func failure(
        _ address: String, usesTLS: Bool = false, within time: Duration = .seconds(60)
    ) async
        -> String?
    {
        await #expect(throws: ProbeError.self) {
            _ = try await answer(address, usesTLS: usesTLS, within: time)
        }?.description
    }

    @Test func theStatusIsTold() async throws {
        try await withServer(handler: Self.unavailable) { server in
            for host in ["127.0.0.1", "", "0.0.0.0", "localhost"] {
                let answer = try await answer("\(host):\(server.port)")
                #expect(answer == .status(503), "\(host)")
            }
        }
    }

    @Test func aUnixSocketIsAsked() async throws {
        try await withDirectory { directory in
            let path = "unix:\(directory)/a.sock"
            let before = await failure(path)
            #expect(before == "there is no such socket")
            let server = try await Server.start(
                ServerConfiguration(addresses: [try ListenAddress(path)], limits: .patient), logger: .silent,
                handler: Self.unavailable)
            let answer = try await answer(path)
            #expect(answer == .status(503))
            await server.shutdown(grace: .zero)
        }
    }

    @Test func theLoopbackStandsForAllAddresses() async throws {
        for (address, expected) in [
            (":1", "127.0.0.1"), ("0.0.0.0:1", "127.0.0.1"), ("[::]:1", "::1"), ("192.0.2.1:1", "192.0.2.1"),
        ] {
            let destination = try await Probe.destination(of: ListenAddress(address))
            #expect(destination.ipAddress == expected, "\(address)")
        }
    }

    @Test func aServerOfTLSIsAsked() async throws {
        try await withServer(security: .tls(), handler: Self.unavailable) { server in
            let encrypted = try await answer("127.0.0.1:\(server.port)", usesTLS: true)
            #expect(encrypted == .status(503))
            // What a server of TLS says to a client that speaks plain HTTP.
            let plain = try await answer("127.0.0.1:\(server.port)")
            #expect(plain == .status(400))
        }
    }

    @Test(arguments: [TLSOptions.Version.tls10, .tls12, .tls13])
    func aServerThatWantsACertificateIsThere(version: TLSOptions.Version) async throws {
        let security = try LiveSecurity.tls {
            $0.clients = ClientCertificates(.requireAndVerify, authority: .inline(Certificates.ca))
            $0.versions = version...version
        }
        try await withServer(security: security, handler: Self.unavailable) { server in
            let answer = try await answer("127.0.0.1:\(server.port)", usesTLS: true)
            #expect(answer == .refused)
        }
    }

    @Test func aPlainServerIsNoneOfTLS() async throws {
        try await withServer(handler: Self.unavailable) { server in
            let failure = await failure("127.0.0.1:\(server.port)", usesTLS: true)
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
        #expect(absence == "nobody listens there")
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
