import NIOCore
import NIOEmbedded
import NIOHTTP1
import Testing

@testable import HypersenderAPI

struct ConnectionAgeTests {
    private let born = NIODeadline.uptimeNanoseconds(1_000_000_000)

    @Test(arguments: [(0.0, 300.0), (0.5, 270), (1, 240)])
    func aConnectionEndsAfterFiveMinutesAtMost(jitter: Double, seconds: Double) {
        let age = ConnectionAge(born: born, jitter: jitter)
        #expect(age.end == born + .nanoseconds(Int64(seconds * 1e9)))
        #expect(!age.isOver(at: age.end - .nanoseconds(1)))
        #expect(age.isOver(at: age.end))
    }

    @Test func aRequestUnderWayIsNotCutOff() {
        var age = ConnectionAge(born: born, jitter: 0)
        age.requestSent()
        #expect(!age.isOver(at: born + .minutes(6)))
        let isLast = age.responseBegan(at: born + .minutes(6))
        #expect(isLast)
        age.responseEnded()
        #expect(age.isOver(at: born + .minutes(6)))
    }

    /// The last response is the one after which the next request would come too late, as far as can be told.
    @Test(arguments: [(1, 299), (30, 270), (60, 240), (120, 240)])
    func theLastResponseIsForeseen(interval: Int, last: Int) {
        var age = ConnectionAge(born: born, jitter: 0)
        var seconds = 0
        while seconds < 300, !age.responseBegan(at: born + .seconds(Int64(seconds))) {
            seconds += interval
        }
        #expect(seconds == last)
    }

    // MARK: The handler

    private final class Log {
        var events: [ConnectionAgeHandler.Event] = []
    }

    private func channel(_ log: Log) throws -> EmbeddedChannel {
        let channel = EmbeddedChannel()
        try channel.connect(to: SocketAddress(ipAddress: "192.0.2.1", port: 443)).wait()
        try channel.pipeline.syncOperations.addHandler(ConnectionAgeHandler(jitter: 0) { log.events.append($0) })
        return channel
    }

    private func request(_ channel: EmbeddedChannel) throws {
        try channel.writeOutbound(HTTPClientRequestPart.head(.init(version: .http1_1, method: .GET, uri: "/")))
        try channel.writeOutbound(HTTPClientRequestPart.end(nil))
    }

    private func respond(_ channel: EmbeddedChannel) throws -> HTTPHeaders {
        try channel.writeInbound(HTTPClientResponsePart.head(.init(version: .http1_1, status: .ok)))
        try channel.writeInbound(HTTPClientResponsePart.end(nil))
        guard case .head(let head)? = try channel.readInbound(as: HTTPClientResponsePart.self) else {
            Issue.record("the response has no head")
            return [:]
        }
        _ = try channel.readInbound(as: HTTPClientResponsePart.self)
        return head.headers
    }

    @Test func anIdleConnectionIsClosedAtItsEnd() throws {
        let log = Log()
        let channel = try channel(log)
        try request(channel)
        #expect(try respond(channel)["connection"] == [])
        #expect(log.events == [.opened, .becameIdle])
        channel.embeddedEventLoop.advanceTime(by: .seconds(299))
        #expect(channel.isActive)
        channel.embeddedEventLoop.advanceTime(by: .seconds(1))
        #expect(!channel.isActive)
        #expect(log.events == [.opened, .becameIdle, .becameBusy, .closed])
    }

    @Test func aBusyConnectionEndsWithItsResponse() throws {
        let log = Log()
        let channel = try channel(log)
        try request(channel)
        channel.embeddedEventLoop.advanceTime(by: .minutes(6))
        #expect(channel.isActive)
        #expect(try respond(channel)["connection"] == ["close"])
        #expect(!channel.isActive)
        #expect(log.events == [.opened, .closed])
    }

    @Test func aConnectionIsKeptFromPollToPoll() throws {
        let log = Log()
        let channel = try channel(log)
        for poll in 0..<6 {
            try request(channel)
            #expect(try respond(channel)["connection"] == (poll == 5 ? ["close"] : []))
            channel.embeddedEventLoop.advanceTime(by: .seconds(59))
        }
        // The client, which is not here, would have closed it already.
        #expect(!channel.isActive)
        #expect(log.events.count { $0 == .becameIdle } == 5)
        #expect(log.events.last == .closed)
    }
}
