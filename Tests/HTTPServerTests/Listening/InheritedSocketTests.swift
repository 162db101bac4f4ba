import Basics
import Glibc
import NIOCore
import Testing

@testable import HTTPServer

@Suite struct InheritedSocketTests {
    private static let accepted: [(String, Range<CInt>)] = [("1", 3..<4), ("3", 3..<6)]

    @Test(arguments: accepted)
    func descriptors(count: String, range: Range<CInt>) throws {
        let found = try InheritedSocket.descriptors(
            environment: ["LISTEN_PID": "42", "LISTEN_FDS": count], process: 42)
        #expect(found == range)
    }

    private static let rejected: [([String: String], String)] = [
        ([:], "are not set"),
        (["LISTEN_FDS": "1"], "are not set"),
        (["LISTEN_PID": "42"], "are not set"),
        (["LISTEN_PID": "41", "LISTEN_FDS": "1"], "LISTEN_PID is \"41\", and this is process 42"),
        (["LISTEN_PID": "", "LISTEN_FDS": "1"], "LISTEN_PID is \"\""),
        (["LISTEN_PID": "42", "LISTEN_FDS": "0"], "LISTEN_FDS is \"0\""),
        (["LISTEN_PID": "42", "LISTEN_FDS": "-1"], "LISTEN_FDS is \"-1\""),
        (["LISTEN_PID": "42", "LISTEN_FDS": "+1"], "LISTEN_FDS is \"+1\""),
        (["LISTEN_PID": "42", "LISTEN_FDS": "x"], "LISTEN_FDS is \"x\""),
        (["LISTEN_PID": "42", "LISTEN_FDS": "2147483647"], "LISTEN_FDS is"),
    ]

    @Test(arguments: rejected)
    func noDescriptors(environment: [String: String], reason: String) {
        let error = #expect(throws: Problem.self) {
            try InheritedSocket.descriptors(environment: environment, process: 42)
        }
        #expect(error?.description.hasPrefix("no socket was passed") == true)
        #expect(error?.description.contains(reason) == true)
    }

    @Test func servesOnASocketOfAnother() async throws {
        try await withDirectory { directory in
            let path = "\(directory)/a.sock"
            let descriptor = try listeningSocket(at: path)
            let socket = try InheritedSocket(descriptor)
            #expect(socket.address.description == "unix:\(path)")
            var configuration = ServerConfiguration(addresses: [], limits: .patient)
            configuration.inherited = [socket]
            let server = try await Server(configuration, logger: .silent) { _ in
                .now(Response(status: 200, body: Body("ok")))
            }
            #expect(server.addresses == [socket.address])
            let client = try await TestClient.connect(to: path)
            try await client.get("/")
            #expect(await client.response()?.body == "ok")
            await server.shutdown(grace: .zero)
            // The file is the service manager's, which goes on listening.
            var status = stat()
            #expect(lstat(path, &status) == 0)
        }
    }

    @Test(arguments: [
        ("127.0.0.1", "127.0.0.1:"), ("::1", "[::1]:"),
    ])
    func servesOnATCPSocket(host: String, prefix: String) async throws {
        let address = try SocketAddress(ipAddress: host, port: 0)
        let family = CInt(address.protocol.rawValue)
        let descriptor = Glibc.socket(family, CInt(SOCK_STREAM.rawValue), 0)
        let result = address.withSockAddr { bind(descriptor, $0, socklen_t($1)) }
        try #require(result == 0 && listen(descriptor, 8) == 0)
        let socket = try InheritedSocket(descriptor)
        #expect(socket.address.description.hasPrefix(prefix))
        #expect(fcntl(descriptor, F_GETFD) & FD_CLOEXEC != 0)
        var configuration = ServerConfiguration(addresses: [try ListenAddress("127.0.0.1:0")], limits: .patient)
        configuration.inherited = [socket]
        let server = try await Server(configuration, logger: .silent) { _ in
            .now(Response(status: 200, body: Body("ok")))
        }
        #expect(server.addresses.count == 2)
        let client = try await TestClient.connect(to: server.port, host: host)
        try await client.get("/")
        #expect(await client.response()?.body == "ok")
        await server.shutdown(grace: .zero)
    }

    @Test func otherDescriptorsAreNamed() throws {
        var pipes: [CInt] = [0, 0]
        try #require(pipe(&pipes) == 0)
        let silent = Glibc.socket(AF_INET, CInt(SOCK_STREAM.rawValue), 0)
        let datagrams = Glibc.socket(AF_INET, CInt(SOCK_DGRAM.rawValue), 0)
        for (descriptor, reason) in [
            (pipes[0], "is not a socket"), (silent, "is not a listening stream socket"),
            (datagrams, "is not a listening stream socket"), (1_000_000, "is not a socket"),
        ] {
            let error = #expect(throws: Problem.self) { try InheritedSocket(descriptor) }
            #expect(error?.description.contains("descriptor \(descriptor), which was passed, \(reason)") == true)
        }
        for descriptor in pipes + [silent, datagrams] {
            close(descriptor)
        }
    }
}
