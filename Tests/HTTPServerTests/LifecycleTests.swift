import NIOCore
import Testing

@testable import HTTPServer

/// Starting, binding and shutting down.
@Suite struct LifecycleTests {
    private static let ok: Handler = { _ in .now(Response(status: 200, body: Body("ok"))) }

    private func configuration(_ addresses: String...) throws -> ServerConfiguration {
        ServerConfiguration(addresses: try addresses.map { try ListenAddress($0) }, limits: .patient)
    }

    @Test func allAddressesMeansBothFamilies() async throws {
        let server = try await Server(configuration(":0"), logger: .silent, handler: Self.ok)
        var hosts = ["127.0.0.1"]
        if server.addresses[0].host == "::" {
            hosts.append("::1")
        }
        for host in hosts {
            let client = try await TestClient.connect(to: server.port, host: host)
            try await client.get("/")
            #expect(await client.response()?.body == "ok")
        }
        await server.shutdown(grace: .zero)
    }

    @Test func severalAddresses() async throws {
        let server = try await Server(
            configuration("127.0.0.1:0", "localhost:0"), logger: .silent, handler: Self.ok)
        #expect(Set(server.addresses.map(\.port)).count == 2)
        for address in server.addresses {
            #expect(address.host == "127.0.0.1" && address.port > 0)
            let client = try await TestClient.connect(to: address.port)
            try await client.get("/")
            #expect(await client.response()?.body == "ok")
        }
        await server.shutdown(grace: .zero)
    }

    @Test func anAddressInUseIsNamedAndNothingStaysBound() async throws {
        try await withServer(handler: Self.ok) { server in
            let free = try await Server(Self.ok)
            await free.shutdown(grace: .zero)
            let address = try ListenAddress("127.0.0.1:\(server.port)")
            let both = try configuration("127.0.0.1:\(free.port)", "127.0.0.1:\(server.port)")
            let error = await #expect(throws: BindError.self) {
                _ = try await Server(both, logger: .silent, handler: Self.ok)
            }
            #expect(error?.address == address)
            #expect(error?.description == "cannot listen on \(address): address already in use")
            await #expect(throws: (any Error).self) { _ = try await TestClient.connect(to: free.port) }
        }
    }

    @Test func anAddressOfAnotherMachineIsNamed() async throws {
        let elsewhere = try configuration("192.0.2.1:0")
        let error = await #expect(throws: BindError.self) {
            _ = try await Server(elsewhere, logger: .silent, handler: Self.ok)
        }
        #expect(error?.reason == "this machine does not have the address")
    }

    @Test func aSecondShutdownHasNoEffect() async throws {
        let server = try await Server(Self.ok)
        let client = try await TestClient.connect(to: server.port)
        try await client.get("/")
        #expect(await client.response()?.body == "ok")
        await server.shutdown(grace: .seconds(60))
        await server.shutdown(grace: .seconds(60))
        #expect(await client.readToEnd() == "")
    }

    @Test func drainAnswersWhatIsInFlightAndNothingElse() async throws {
        let asked = Signal()
        let mayAnswer = Signal()
        let server = try await Server { request in
            request.path == "/"
                ? .now(Response(status: 200))
                : .later {
                    asked.fire()
                    await mayAnswer.wait()
                    return Response(status: 200, body: Body("done"))
                }
        }
        let idle = try await TestClient.connect(to: server.port)
        try await idle.get("/")
        _ = await idle.response()
        let fresh = try await TestClient.connect(to: server.port)
        var busy: [TestClient] = []
        for _ in 0..<20 {
            let client = try await TestClient.connect(to: server.port)
            try await client.get("/slow")
            busy.append(client)
        }
        await asked.wait(count: busy.count)

        async let shutdown: Void = server.shutdown(grace: .seconds(60))
        #expect(await idle.readToEnd() == "")
        #expect(await fresh.readToEnd() == "")
        // The backlog is taken first.
        await server.untilRefused()
        await #expect(throws: (any Error).self) { _ = try await TestClient.connect(to: server.port) }
        mayAnswer.fire()
        for client in busy {
            let response = await client.response()
            #expect(response?.body == "done")
            #expect(response?.head.contains("Connection: close\r\n") == true)
            #expect(await client.readToEnd() == "")
        }
        await shutdown
    }

    @Test func drainLetsASlowReaderFinish() async throws {
        let body = Body([UInt8](repeating: 0x61, count: 6_000_000))
        let asked = Signal()
        let server = try await Server { _ in
            asked.fire()
            return .now(Response(status: 200, body: body))
        }
        let client = try await TestClient.connect(to: server.port, reads: false)
        try await client.get("/")
        await asked.wait()
        async let shutdown: Void = server.shutdown(grace: .seconds(60))
        await server.untilRefused()
        try await client.resumeReading()
        #expect(await client.response()?.body.utf8.count == 6_000_000)
        await shutdown
    }

    @Test func graceEnds() async throws {
        let asked = Signal()
        let cancelled = Signal()
        let server = try await Server { _ in
            .later {
                asked.fire()
                try? await Task.sleep(for: .seconds(3600))
                cancelled.fire()
                return Response(status: 200)
            }
        }
        let client = try await TestClient.connect(to: server.port)
        try await client.get("/")
        await asked.wait()
        await server.shutdown(grace: .milliseconds(20))
        await cancelled.wait()
        #expect(await client.readToEnd() == "")
    }

    @Test func aSecondShutdownMayBeShorter() async throws {
        let asked = Signal()
        let server = try await Server { _ in
            .later {
                asked.fire()
                try? await Task.sleep(for: .seconds(3600))
                return Response(status: 200)
            }
        }
        let client = try await TestClient.connect(to: server.port)
        try await client.get("/")
        await asked.wait()
        async let first: Void = server.shutdown(grace: .seconds(3600))
        await server.untilRefused()
        await server.shutdown(grace: .zero)
        await first
    }

    @Test func runReturnsAfterShutdown() async throws {
        let server = try await Server(Self.ok)
        async let run: Void = server.run()
        await server.shutdown(grace: .zero)
        try await run
        try await server.run()
    }

    @Test func runEndsWithItsTask() async throws {
        let server = try await Server(Self.ok)
        let run = Task { try await server.run() }
        run.cancel()
        try await run.value
        await #expect(throws: (any Error).self) { _ = try await TestClient.connect(to: server.port) }
    }

    @Test func runThrowsWhenAListenerEndsByItself() async throws {
        let server = try await Server(Self.ok)
        try await server.listeners[0].close()
        let error = await #expect(throws: ListenerError.self) { try await server.run() }
        #expect(error?.address == server.addresses[0])
        await server.shutdown(grace: .zero)
    }
}

extension Server {
    /// Returns once the shutdown has begun to refuse connections.
    fileprivate func untilRefused() async {
        while let client = try? await TestClient.connect(to: port) {
            try? await client.close()
        }
    }
}
