import NIOCore
import NIOHTTP1
import Testing

@testable import HTTPServer

@Suite struct ConnectionStateTests {
    private static let limits: Limits = {
        var limits = Limits()
        limits.requestDeadline = .seconds(10)
        limits.idleDeadline = .seconds(100)
        limits.writeDeadline = .seconds(40)
        limits.lingerDeadline = .seconds(1)
        limits.bodyBytes = 5
        return limits
    }()

    private var state = ConnectionState(limits: limits, now: .uptimeNanoseconds(0))

    private func at(_ second: Int64) -> NIODeadline { .uptimeNanoseconds(0) + .seconds(second) }

    private func head(
        _ method: HTTPMethod = .GET, _ uri: String = "/", version: HTTPVersion = .http1_1,
        _ headers: HTTPHeaders = ["Host": "a"]
    ) -> HTTPServerRequestPart {
        .head(HTTPRequestHead(version: version, method: method, uri: uri, headers: headers))
    }

    /// Brings the state to answering a plain request.
    private mutating func request(now: Int64) {
        let headers: HTTPHeaders = ["Host": "a"]
        let request = Request(target: "/", headers: Headers(headers))
        #expect(state.receive(head(.GET, "/", headers), now: at(now)) == .none)
        #expect(state.receive(.end(nil), now: at(now)) == .judge(request))
        #expect(!state.wantsInput && state.input == .hold && state.deadline == nil)
        #expect(state.admit(hasMore: false, now: at(now)) == .answer(request))
        #expect(state.phase == .answering)
    }

    @Test mutating func silentClientIsClosedWithoutAWord() {
        #expect(state.deadline == at(10))
        #expect(state.reachDeadline(unsentBytes: 0, now: at(9)) == .none)
        #expect(state.reachDeadline(unsentBytes: 0, now: at(10)) == .close)
    }

    @Test mutating func drippingBytesDoNotMoveTheDeadline() {
        for second in 0..<10 {
            state.receiveBytes(1, now: at(Int64(second)))
            #expect(state.deadline == at(10))
        }
        #expect(state.reachDeadline(unsentBytes: 0, now: at(10)) == .refuse(status: 408))
        #expect(state.input == .discard)
    }

    @Test mutating func drippingBodyDoesNotMoveTheDeadline() {
        _ = state.receive(head(.POST, "/", ["Host": "a", "Content-Length": "5"]), now: at(1))
        #expect(state.admit(hasMore: false, now: at(1)) == .none)
        for second in 2..<6 {
            #expect(state.receive(.body(ByteBuffer(string: "x")), now: at(Int64(second))) == .none)
        }
        #expect(state.deadline == at(10))
        #expect(state.reachDeadline(unsentBytes: 0, now: at(11)) == .refuse(status: 408))
    }

    @Test mutating func laterRequestsCountFromTheirFirstByte() {
        request(now: 1)
        #expect(state.deadline == nil)
        _ = state.startResponse(Response(status: 200))
        #expect(state.finishResponse(hasMore: false, now: at(2)) == .none)
        #expect(state.phase == .waiting)
        #expect(state.deadline == at(102))
        state.receiveBytes(1, now: at(50))
        #expect(state.deadline == at(60))
        state.receiveBytes(1, now: at(55))
        #expect(state.deadline == at(60))
    }

    @Test mutating func idleConnectionIsClosed() {
        request(now: 1)
        _ = state.startResponse(Response(status: 200))
        _ = state.finishResponse(hasMore: false, now: at(2))
        #expect(state.reachDeadline(unsentBytes: 0, now: at(102)) == .close)
    }

    @Test mutating func inputWaitsWhileAnswering() {
        #expect(state.wantsInput && state.input == .parse)
        request(now: 1)
        #expect(!state.wantsInput && state.input == .hold)
    }

    @Test mutating func progressKeepsASlowReaderAndItsLackEndsIt() {
        request(now: 0)
        _ = state.startResponse(Response(status: 200))
        state.send(bytes: 1 << 20)
        state.stall(unsentBytes: 100, now: at(0))
        #expect(state.deadline == at(10))
        #expect(state.reachDeadline(unsentBytes: 100, now: at(10)) == .none)
        #expect(state.reachDeadline(unsentBytes: 100, now: at(30)) == .none)
        #expect(state.reachDeadline(unsentBytes: 99, now: at(40)) == .none)
        #expect(state.reachDeadline(unsentBytes: 99, now: at(79)) == .none)
        #expect(state.deadline == at(89))
        #expect(state.reachDeadline(unsentBytes: 99, now: at(89)) == .close)
    }

    /// 40 s and one for each 16 KiB, however steadily the bytes are taken.
    @Test mutating func aResponseIsTakenAtAMinimumRate() {
        request(now: 0)
        _ = state.startResponse(Response(status: 200))
        state.send(bytes: 20 * 16 * 1024)
        var unsent = 10_000
        state.stall(unsentBytes: unsent, now: at(5))
        for second in stride(from: Int64(15), to: 65, by: 10) {
            unsent -= 1
            #expect(state.reachDeadline(unsentBytes: unsent, now: at(second)) == .none)
        }
        #expect(state.deadline == at(65))
        #expect(state.reachDeadline(unsentBytes: unsent - 1, now: at(65)) == .close)
    }

    /// The server's own time between two parts of a raw reply does not count.
    @Test mutating func onlyWaitingForTheClientCounts() {
        request(now: 0)
        _ = state.startResponse(Response(status: 200))
        state.send(bytes: 16 * 1024)
        state.stall(unsentBytes: 100, now: at(0))
        state.unstall(now: at(35))
        state.send(bytes: 16 * 1024)
        state.stall(unsentBytes: 100, now: at(1000))
        #expect(state.deadline == at(1007))
        #expect(state.reachDeadline(unsentBytes: 99, now: at(1007)) == .close)
    }

    @Test mutating func theNextResponseHasItsOwnTime() {
        for start in [Int64(0), 100] {
            request(now: start)
            _ = state.startResponse(Response(status: 200))
            state.stall(unsentBytes: 100, now: at(start))
            #expect(state.reachDeadline(unsentBytes: 99, now: at(start + 39)) == .none)
            state.unstall(now: at(start + 39))
            _ = state.finishResponse(hasMore: false, now: at(start + 39))
        }
    }

    @Test mutating func aDrainingServerWaitsLessForAReader() {
        request(now: 0)
        _ = state.startResponse(Response(status: 200))
        state.send(bytes: 1 << 20)
        state.stall(unsentBytes: 100, now: at(0))
        #expect(state.drain(now: at(1)) == .none)
        #expect(state.reachDeadline(unsentBytes: 50, now: at(2)) == .none)
        #expect(state.reachDeadline(unsentBytes: 50, now: at(3)) == .none)
        #expect(state.reachDeadline(unsentBytes: 50, now: at(4)) == .close)
    }

    @Test mutating func givesWayUnlessItIsAnswered() {
        #expect(candidate(unsentBytes: 0) == EvictionPolicy.Candidate(kind: .unfinished, since: at(0)))
        state.receiveBytes(1, now: at(1))
        #expect(candidate(unsentBytes: 0) == EvictionPolicy.Candidate(kind: .unfinished, since: at(0)))
        request(now: 2)
        #expect(candidate(unsentBytes: 0) == nil)
        _ = state.startResponse(Response(status: 200))
        _ = state.finishResponse(hasMore: false, now: at(3))
        #expect(candidate(unsentBytes: 0) == EvictionPolicy.Candidate(kind: .idle, since: at(3)))
        state.receiveBytes(1, now: at(4))
        #expect(candidate(unsentBytes: 0) == EvictionPolicy.Candidate(kind: .unfinished, since: at(4)))
        _ = state.fail(status: 400)
        #expect(candidate(unsentBytes: 0) == nil)
        _ = state.finishResponse(hasMore: false, now: at(5))
        #expect(candidate(unsentBytes: 0) == EvictionPolicy.Candidate(kind: .unfinished, since: at(5)))
        _ = state.close()
        #expect(candidate(unsentBytes: 0) == nil)
    }

    @Test mutating func givesWayWhileItsClientTakesNothing() {
        request(now: 0)
        _ = state.startResponse(Response(status: 200))
        state.stall(unsentBytes: 100, now: at(1))
        #expect(candidate(unsentBytes: 100) == EvictionPolicy.Candidate(kind: .stalled, since: at(1)))
        // It has gone on, and then no more.
        #expect(candidate(unsentBytes: 99, now: 6) == EvictionPolicy.Candidate(kind: .stalled, since: at(6)))
        #expect(candidate(unsentBytes: 99, now: 7) == EvictionPolicy.Candidate(kind: .stalled, since: at(6)))
        #expect(candidate(unsentBytes: 0, now: 8) == nil)
        state.unstall(now: at(9))
        #expect(candidate(unsentBytes: 0) == nil)
    }

    private mutating func candidate(unsentBytes: Int, now: Int64 = 5) -> EvictionPolicy.Candidate? {
        state.candidate(unsentBytes: unsentBytes, now: at(now))
    }

    @Test mutating func aResponseWithNothingToSendHasAllTheTimeItNeeds() {
        request(now: 0)
        state.stall(unsentBytes: 100, now: at(0))
        state.unstall(now: at(0))
        #expect(state.deadline == nil)
        #expect(state.reachDeadline(unsentBytes: 0, now: at(1000)) == .none)
    }

    @Test mutating func bodyOverTheLimitIsRefused() {
        _ = state.receive(head(.POST, "/", ["Host": "a", "Transfer-Encoding": "chunked"]), now: at(0))
        #expect(state.admit(hasMore: false, now: at(0)) == .none)
        #expect(state.receive(.body(ByteBuffer(string: "12345")), now: at(0)) == .none)
        #expect(state.receive(.body(ByteBuffer(string: "6")), now: at(0)) == .refuse(status: 413))
        #expect(state.receive(.end(nil), now: at(0)) == .none)
    }

    @Test mutating func anAllowedRequestIsAnsweredAfterItsBody() {
        let headers: HTTPHeaders = ["Host": "a", "Transfer-Encoding": "chunked"]
        var request = Request(method: "POST", target: "/", headers: Headers(headers))
        request.awaitsBody = true
        #expect(state.receive(head(.POST, "/", headers), now: at(0)) == .judge(request))
        #expect(!state.wantsInput && state.input == .hold)
        #expect(state.admit(hasMore: false, now: at(0)) == .none)
        #expect(state.wantsInput && state.input == .parse)
        _ = state.receive(.body(ByteBuffer(string: "12")), now: at(0))
        _ = state.receive(.body(ByteBuffer(string: "345")), now: at(0))
        request.awaitsBody = false
        #expect(state.receive(.end(nil), now: at(0)) == .answer(request))
    }

    /// The time it takes to judge a request is not the client's fault, but it gains no time for the body by it either.
    @Test(arguments: [Int64(3), 12]) mutating func judgingHasNoDeadlineAndMovesNone(second: Int64) {
        _ = state.receive(head(.POST, "/", ["Host": "a", "Content-Length": "5"]), now: at(1))
        #expect(state.deadline == nil && state.reachDeadline(unsentBytes: 0, now: at(11)) == .none)
        #expect(state.admit(hasMore: false, now: at(second)) == .none)
        #expect(state.deadline == at(10))
    }

    private static let denied: [(HTTPMethod, HTTPHeaders, Bool)] = [
        (.GET, ["Host": "a"], true), (.HEAD, ["Host": "a"], true), (.POST, ["Host": "a", "Content-Length": "0"], true),
        (.POST, ["Host": "a", "Content-Length": "5"], false), (.GET, ["Host": "a", "Content-Length": "5"], false),
        (.POST, ["Host": "a", "Transfer-Encoding": "chunked"], false),
        (.POST, ["Host": "a", "Content-Length": "5", "Expect": "100-continue"], false),
        (.GET, ["Host": "a", "Connection": "close"], false),
    ]

    /// A connection with a body that was not read cannot be kept.
    @Test(arguments: denied)
    func aDeniedRequestIsAnsweredByItsHead(method: HTTPMethod, headers: HTTPHeaders, keepsAlive: Bool) {
        var state = state
        if state.receive(head(method, "/", headers), now: at(0)) == .none {
            _ = state.receive(.end(nil), now: at(0))
        }
        #expect(state.phase == .judging)
        state.deny()
        #expect(state.startResponse(Response(status: 401)).keepsAlive == keepsAlive)
        let hasBody =
            headers.contains(name: "Transfer-Encoding") || (headers.first(name: "Content-Length") ?? "0") != "0"
        #expect(
            state.finishResponse(hasMore: false, now: at(0)) == (keepsAlive ? .none : hasBody ? .closeOutput : .close))
    }

    @Test mutating func aRefusedClientsBytesAreThrownAwayUpToALimit() {
        _ = state.fail(status: 400)
        _ = state.finishResponse(hasMore: false, now: at(1))
        #expect(state.deadline == at(2) && state.wantsInput)
        var patient = Self.limits
        patient.lingerDeadline = .seconds(5)
        patient.lingerBytes = 100
        state = ConnectionState(limits: patient, now: at(0))
        _ = state.fail(status: 400)
        _ = state.finishResponse(hasMore: false, now: at(1))
        state.receiveBytes(99, now: at(2))
        #expect(state.deadline == at(6) && state.wantsInput)
        state.receiveBytes(1, now: at(3))
        #expect(state.deadline == at(4) && !state.wantsInput)
        #expect(state.reachDeadline(unsentBytes: 0, now: at(4)) == .close)
    }

    @Test mutating func aStallIsReportedOnceAfterASecond() {
        for start in [Int64(0), 100] {
            request(now: start)
            var response = Response(status: 200)
            response.onStall = {}
            _ = state.startResponse(response)
            state.send(bytes: 1 << 20)
            state.stall(unsentBytes: 100, now: at(start))
            #expect(state.deadline == at(start + 1))
            // It has gone on, and then no more.
            #expect(state.reachDeadline(unsentBytes: 99, now: at(start + 1)) == .none)
            #expect(state.deadline == at(start + 2))
            #expect(state.reachDeadline(unsentBytes: 99, now: at(start + 2)) == .reportStall)
            // From here on as any other response.
            #expect(state.deadline == at(start + 12))
            #expect(state.reachDeadline(unsentBytes: 98, now: at(start + 12)) == .none)
            #expect(state.reachDeadline(unsentBytes: 98, now: at(start + 22)) == .none)
            state.unstall(now: at(start + 23))
            _ = state.finishResponse(hasMore: false, now: at(start + 23))
        }
    }

    @Test mutating func aDrainLeavesARequestThatHasArrivedUnread() {
        #expect(state.drain(hasInput: true, now: at(3)) == .none)
        #expect(state.wantsInput && state.deadline == at(4))
        request(now: 3)
        #expect(!state.startResponse(Response(status: 200)).keepsAlive)
        #expect(state.finishResponse(hasMore: false, now: at(3)) == .close)
    }

    @Test mutating func aDrainLeavesItOnAKeptConnectionToo() {
        request(now: 0)
        _ = state.startResponse(Response(status: 200))
        _ = state.finishResponse(hasMore: false, now: at(1))
        #expect(state.drain(hasInput: true, now: at(50)) == .none)
        #expect(state.deadline == at(51))
        state.receiveBytes(1, now: at(50))
        #expect(state.deadline == at(51))
        #expect(state.reachDeadline(unsentBytes: 0, now: at(51)) == .refuse(status: 408))
        _ = state.startResponse(Response(status: 408))
        #expect(state.finishResponse(hasMore: false, now: at(51)) == .closeOutput)
        #expect(state.deadline == at(52))
    }

    @Test mutating func refusalIsFollowedByLingering() {
        state.receiveBytes(1, now: at(0))
        #expect(state.fail(status: 400) == .refuse(status: 400))
        #expect(state.fail(status: 400) == .none)
        #expect(!state.startResponse(Response(status: 400)).keepsAlive)
        #expect(state.finishResponse(hasMore: true, now: at(1)) == .closeOutput)
        #expect(state.wantsInput && state.input == .discard)
        #expect(state.reachDeadline(unsentBytes: 0, now: at(2)) == .close)
    }

    @Test mutating func lingeringEndsWithTheClient() {
        _ = state.fail(status: 400)
        _ = state.finishResponse(hasMore: false, now: at(1))
        #expect(state.closeInput(hasMore: false) == .close)
    }

    @Test mutating func halfClosedClientGetsAllItsResponses() {
        request(now: 0)
        #expect(state.closeInput(hasMore: true) == .none)
        #expect(state.startResponse(Response(status: 200)).keepsAlive)
        #expect(state.finishResponse(hasMore: true, now: at(0)) == .none)
        request(now: 0)
        _ = state.startResponse(Response(status: 200))
        #expect(state.finishResponse(hasMore: false, now: at(0)) == .close)
    }

    @Test mutating func clientThatClosesWhileWaitingOrReceivingIsClosed() {
        var receiving = state
        receiving.receiveBytes(1, now: at(0))
        #expect(receiving.closeInput(hasMore: false) == .close)
        #expect(state.closeInput(hasMore: false) == .close)
        #expect(state.close() == .none)
    }

    @Test mutating func drainClosesWhatIsIdleAndAnswersWhatHasBegun() {
        var idle = state
        #expect(idle.drain(now: at(0)) == .close)

        var begun = state
        begun.receiveBytes(1, now: at(0))
        #expect(begun.drain(now: at(0)) == .none)
        #expect(begun.deadline == at(1))
        _ = begun.receive(head(), now: at(0))
        _ = begun.receive(.end(nil), now: at(0))
        _ = begun.admit(hasMore: false, now: at(0))
        #expect(!begun.startResponse(Response(status: 200)).keepsAlive)
        #expect(begun.finishResponse(hasMore: true, now: at(0)) == .close)

        request(now: 0)
        #expect(state.startResponse(Response(status: 200)).keepsAlive)
        #expect(state.drain(now: at(0)) == .none)
        #expect(state.finishResponse(hasMore: false, now: at(0)) == .close)
    }

    private static let keepAliveCases: [(HTTPVersion, HTTPHeaders, Bool)] = [
        (HTTPVersion.http1_1, ["Host": "a"], true),
        (.http1_1, ["Host": "a", "Connection": "close"], false),
        (.http1_1, ["Host": "a", "Connection": "Upgrade", "Upgrade": "h2c"], false),
        (.http1_0, [:], false),
        (.http1_0, ["Connection": "keep-alive"], true),
    ]

    @Test(arguments: keepAliveCases)
    func keepAlive(version: HTTPVersion, headers: HTTPHeaders, keepsAlive: Bool) {
        var state = state
        _ = state.receive(head(.GET, "/", version: version, headers), now: at(0))
        _ = state.receive(.end(nil), now: at(0))
        _ = state.admit(hasMore: false, now: at(0))
        #expect(state.startResponse(Response(status: 200)).keepsAlive == keepsAlive)
        #expect(state.finishResponse(hasMore: false, now: at(0)) == (keepsAlive ? .none : .close))
    }

    private static let refusedHeads: [(HTTPVersion, HTTPHeaders, Int)] = [
        (HTTPVersion.http1_1, [:], 400),
        (.http1_1, ["Host": "a", "Host": "a"], 400),
        (.http1_0, ["Host": "a", "Host": "a"], 400),
        (.http1_1, ["Host": "a", "Content-Length": "1", "content-length": "1"], 400),
        (.http1_1, ["Host": "a", "Content-Length": "1", "Transfer-Encoding": "chunked"], 400),
        (.http1_0, ["Transfer-Encoding": "chunked"], 400),
        (.http1_1, ["Host": "a", "Transfer-Encoding": "gzip"], 501),
        (.http1_1, ["Host": "a", "Transfer-Encoding": "gzip, chunked"], 501),
        (.http1_1, ["Host": "a", "Content-Length": "6"], 413),
        (.http1_1, ["Host": "a", "Content-Length": "6", "Expect": "100-continue"], 413),
        (.http1_1, ["Host": "a", "Expect": "tea"], 417),
    ]

    @Test(arguments: refusedHeads)
    func refusedHead(version: HTTPVersion, headers: HTTPHeaders, status: Int) {
        var state = state
        #expect(state.receive(head(.POST, "/", version: version, headers), now: at(0)) == .refuse(status: status))
    }

    @Test(arguments: ["/a b", "/a#b", "/ö", "/\u{7f}"])
    func refusedTarget(uri: String) {
        var state = state
        #expect(state.receive(head(.GET, uri), now: at(0)) == .refuse(status: 400))
    }

    private static let expectations: [(HTTPVersion, String, String, ConnectionState.Effect)] = [
        (HTTPVersion.http1_1, "100-continue", "5", ConnectionState.Effect.proceed),
        (.http1_1, "100-Continue", "5", .proceed),
        (.http1_1, "100-continue", "0", .none),
        (.http1_0, "100-continue", "5", .none),
    ]

    @Test(arguments: expectations)
    func expectation(version: HTTPVersion, expect: String, length: String, effect: ConnectionState.Effect) {
        var state = state
        let headers: HTTPHeaders = ["Host": "a", "Expect": expect, "Content-Length": length]
        guard case .judge = state.receive(head(.POST, "/", version: version, headers), now: at(0)) else {
            #expect(length == "0" && effect == .none)
            return
        }
        #expect(state.admit(hasMore: false, now: at(0)) == effect)
    }

    @Test(arguments: ["", "a", "a.example:80", "a:", "127.0.0.1:1", "[::1]", "[::1]:80", "[fe80::1%25eth0]:1", "a_b,c"])
    func host(value: String) {
        #expect(RequestTraits.isHost(value))
    }

    @Test(arguments: [
        "a b", "a, b", "a/b", "u@a", "a:b", "a:80:80", "::1", "[::1", "[]", "[::1]a", "[::1]:a", "a?b", "a#b", "\u{ff}",
    ])
    func notAHost(value: String) {
        #expect(!RequestTraits.isHost(value))
    }

    @Test(arguments: [
        (HTTPMethod.OPTIONS, "*"), (.GET, "http://a"), (.GET, "HTTPS://a:80/b?c"), (.GET, "//a"), (.GET, "/*"),
    ])
    func acceptedTarget(method: HTTPMethod, uri: String) {
        var state = state
        #expect(state.receive(head(method, uri), now: at(0)) == .none)
    }
}
