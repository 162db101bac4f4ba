import NIOCore
import NIOEmbedded
import Testing

@testable import HTTPServer

/// Clients that take up all places hold up nobody, over real sockets and several event loops.
@Suite(.timeLimit(.minutes(5))) struct HoldUpTests {
    private static let echo: Handler = { .now(Response(status: 200, body: Body($0.path))) }

    private func limits(connections: Int) -> Limits {
        var limits = Limits.patient
        limits.connections = connections
        limits.requestDeadline = .seconds(3600)
        limits.idleDeadline = .seconds(3600)
        return limits
    }

    @Test func theLongestIdleConnectionGivesWay() async throws {
        try await withServer(limits: limits(connections: 4), handler: Self.echo) { server in
            var idle: [TestClient] = []
            for number in 0..<4 {
                let client = try await TestClient.connect(to: server.port)
                try await client.get("/\(number)")
                #expect(await client.response()?.body == "/\(number)")
                idle.append(client)
            }
            // Used again: the second is now the longest idle.
            try await idle[0].get("/again")
            #expect(await idle[0].response()?.body == "/again")

            let newcomer = try await TestClient.connect(to: server.port)
            try await newcomer.get("/new")
            #expect(await newcomer.response()?.body == "/new")
            #expect(await idle[1].readToEnd() == "")
            for client in [idle[0], idle[2], idle[3], newcomer] {
                try await client.get("/still")
                #expect(await client.response()?.body == "/still")
            }
        }
    }

    /// One that loses its place before it has asked, as this crowd may make it, asks again.
    @Test func manyNewcomersAreAllServed() async throws {
        try await withServer(limits: limits(connections: 8), handler: Self.echo) { server in
            try await withThrowingTaskGroup(of: TestClient.self) { group in
                for number in 0..<300 {
                    group.addTask {
                        while true {
                            let client = try await TestClient.connect(to: server.port)
                            try? await client.get("/\(number)")
                            if let response = await client.response() {
                                #expect(response.body == "/\(number)")
                                return client
                            }
                        }
                    }
                }
                var clients: [TestClient] = []
                for try await client in group {
                    clients.append(client)
                }
                #expect(clients.count == 300)
            }
        }
    }

    @Test(arguments: ["", "GET / HTTP/1.1\r\nX: ", "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 9\r\n\r\n12"])
    func unfinishedRequestsGiveWay(start: String) async throws {
        try await withServer(limits: limits(connections: 4), handler: Self.echo) { server in
            var slow: [TestClient] = []
            for _ in 0..<20 {
                let client = try await TestClient.connect(to: server.port)
                try? await client.send(start)
                slow.append(client)
            }
            let newcomer = try await TestClient.connect(to: server.port)
            try await newcomer.get("/new")
            #expect(await newcomer.response()?.body == "/new")
            // All give way but three beside the newcomer; which, depends on when each event loop has read their bytes.
            await withTaskGroup(of: String.self) { group in
                for client in slow {
                    group.addTask { await client.readToEnd() }
                }
                for _ in 0..<17 {
                    #expect(await group.next() == "")
                }
                group.cancelAll()
            }
        }
    }

    /// For an hour of the event loop's time, in which places are looked for again and again.
    @Test func whatIsBeingAnsweredNeverGivesWay() throws {
        let eventLoop = EmbeddedEventLoop()
        let connections = EventLoopConnections(on: eventLoop) { 0 }
        let limit = ConnectionLimit(maximum: 2, loops: [NIOLoopBound(connections, eventLoop: eventLoop)])
        let pipeline = ConnectionPipeline(limits: .patient) { _ in
            .later {
                // For ever: an embedded event loop must not be touched from the task's thread, not even at its end.
                await withUnsafeContinuation { (_: UnsafeContinuation<Void, Never>) in }
                return Response(status: 200)
            }
        }
        var busy: [EmbeddedChannel] = []
        for _ in 0..<2 {
            let channel = EmbeddedChannel(loop: eventLoop)
            try pipeline.configure(channel, among: connections)
            try channel.connect(to: SocketAddress(ipAddress: "127.0.0.1", port: 1)).wait()
            try channel.writeInbound(ByteBuffer(string: "GET / HTTP/1.1\r\nHost: a\r\n\r\n"))
            #expect(limit.enter(wanted: 1) {})
            busy.append(channel)
        }
        #expect(!limit.enter(wanted: 1) {})
        eventLoop.advanceTime(by: .hours(1))
        #expect(busy.allSatisfy { $0.isActive })

        let idle = EmbeddedChannel(loop: eventLoop)
        try pipeline.configure(idle, among: connections)
        try idle.connect(to: SocketAddress(ipAddress: "127.0.0.1", port: 1)).wait()
        eventLoop.advanceTime(by: .seconds(1))
        #expect(!idle.isActive && busy.allSatisfy { $0.isActive })
        limit.endEvicting()
        for channel in busy + [idle] {
            _ = try? channel.finish(acceptAlreadyClosed: true)
        }
    }

    @Test func newcomersWaitForWhatIsBeingAnswered() async throws {
        let asked = Signal()
        let mayAnswer = Signal()
        try await withServer(limits: limits(connections: 2)) { request in
            .later {
                asked.fire()
                if request.path == "/busy" {
                    await mayAnswer.wait()
                }
                return Response(status: 200, body: Body(request.path))
            }
        } _: { server in
            let first = try await TestClient.connect(to: server.port)
            let second = try await TestClient.connect(to: server.port)
            try await first.get("/busy")
            try await second.get("/busy")
            await asked.wait(count: 2)
            let newcomer = try await TestClient.connect(to: server.port)
            try await newcomer.get("/new")
            #expect(newcomer.receivedCount == 0 && asked.count == 2)
            mayAnswer.fire()
            #expect(await first.response()?.body == "/busy")
            #expect(await second.response()?.body == "/busy")
            #expect(await newcomer.response()?.body == "/new")
        }
    }

    @Test func aReaderThatDripsIsClosedInTheEnd() async throws {
        var limits = Limits.patient
        limits.writeDeadline = .milliseconds(100)
        limits.writeRate = 1 << 40
        let body = Body([UInt8](repeating: 0x61, count: 30_000_000))
        let ended = Signal()
        try await withServer(limits: limits) { _ in
            var response = Response(status: 200, body: body)
            response.onEnd = { ended.fire() }
            return .now(response)
        } _: { server in
            let client = try await TestClient.connect(to: server.port, reads: false)
            try await client.get("/")
            // Progress is seen each time, and still the response has an end.
            let drip = try client.repeatedlyRead(every: .milliseconds(5))
            await ended.wait()
            drip.cancel()
            try await client.resumeReading()
            #expect(await client.readToEnd().utf8.count < 30_000_000)
        }
    }

    @Test func aShutdownDoesNotWaitForRequestsThatDrip() async throws {
        var limits = Limits.patient
        limits.drainDeadline = .milliseconds(50)
        let server = try await Server(limits: limits, Self.echo)
        let client = try await TestClient.connect(to: server.port)
        try await client.send("GET / HTTP/1.1\r\nX: ")
        try await client.get("/")
        let clock = ContinuousClock()
        let taken = await clock.measure { await server.shutdown(grace: .seconds(3600)) }
        #expect(taken < .seconds(300))
        _ = await client.readToEnd()
    }
}
