import Basics
import FoundationEssentials
import Glibc
import HTTPServer
import Logging
import NIOCore
import NIOHTTP1
import NIOPosix
import Synchronization
import Testing

@testable import HypersenderAPI
@testable import Simulator

/// The client against servers on loopback: the simulated API with its faults, and servers that answer as a test says.
struct HypersenderClientTests {
    // MARK: What works

    @Test func readsTheList() async throws {
        try await withSimulator { simulator in
            let list = try await Self.list(simulator)
            let expected = simulator.instances
            #expect(list.instances.map(\.id) == expected.map(\.id))
            #expect(list.instances.map(\.status.rawValue) == expected.map(\.status.rawValue))
            #expect(list.instances.map(\.details.hasAccessToken) == expected.map { $0.accessToken != nil })
            #expect(
                list.instances.allSatisfy { $0.details.phone == nil && $0.details.createdAt != nil && !$0.name.isEmpty }
            )
            #expect(list.rateLimit.limit == 1000 && list.rateLimit.remaining != nil)
            #expect(list.bytes > 1000)
        }
    }

    @Test(arguments: [ListForm.array, .wrapped, .paged(size: 1), .paged(size: 5), .paged(size: 12), .paged(size: 100)])
    func readsEveryForm(form: ListForm) async throws {
        try await withSimulator(form: form) { simulator in
            let list = try await Self.list(simulator)
            #expect(list.instances.map(\.id) == simulator.instances.map(\.id))
        }
    }

    @Test func asksAsDocumented() async throws {
        let seen = Mutex<Request?>(nil)
        try await withServer { request in
            seen.withLock { $0 = request }
            return Response(status: 200, body: Body("[]"))
        } test: { url in
            let filter = InstanceFilter(uuid: "u", name: "a b", phone: "+1", status: "FAILED")
            _ = try await Self.list(url: url, token: "12|secret", filter: filter)
            let request = try #require(seen.withLock { $0 })
            #expect(request.method == "GET")
            #expect(request.path == "/v1/instances")
            #expect(
                request.query
                    == "filter%5Buuid%5D=u&filter%5Bname%5D=a%20b&filter%5Bphone%5D=%2B1&filter%5Bstatus%5D=FAILED")
            #expect(request.headers["Authorization"] == "Bearer 12|secret")
            #expect(request.headers["Accept"] == "application/json")
            #expect(request.headers["User-Agent"] == "test/1")
            #expect(request.headers["Accept-Encoding"] == "gzip")
            #expect(request.headers["Cache-Control"] == "no-cache")
        }
    }

    @Test func filtersNarrowTheList() async throws {
        try await withSimulator { simulator in
            let all = simulator.instances
            let first = try #require(all.first)
            let cases: [(InstanceFilter, [SimulatedInstance])] = [
                (InstanceFilter(uuid: first.id), all.filter { $0.id == first.id }),
                (InstanceFilter(phone: first.phone), all.filter { $0.phone == first.phone }),
                (
                    InstanceFilter(name: String(first.name.dropFirst())),
                    all.filter { $0.name.contains(first.name.dropFirst()) }
                ),
                (InstanceFilter(status: "WORKING"), all.filter { $0.status == .working }),
                (InstanceFilter(status: "WORKING,FAILED"), all.filter { [.working, .failed].contains($0.status) }),
                (InstanceFilter(uuid: first.id, status: "WORKING"), [first].filter { $0.status == .working }),
            ]
            for (filter, expected) in cases {
                #expect(try await Self.list(simulator, filter: filter).instances.map(\.id) == expected.map(\.id))
            }
        }
    }

    /// No faults, although they may look like some.
    @Test(arguments: [
        Fault.Kind.chunked, .connectionClose, .byteOrderMark, .emptyList, .duplicateIDs, .invalidInstance,
        .hostileNames,
    ])
    func takesWhatIsUnusualButRight(kind: Fault.Kind) async throws {
        try await withSimulator { simulator in
            simulator.setFault(Fault(kind))
            for _ in 0..<3 {
                let list = try await Self.list(simulator)
                #expect(list.duplicates == (kind == .duplicateIDs ? 1 : 0))
                #expect(list.invalid == (kind == .invalidInstance ? 1 : 0))
                #expect(list.instances.isEmpty == (kind == .emptyList))
            }
        }
    }

    @Test func rotatedTokensAreUsedAtOnce() async throws {
        try await withSimulator { simulator in
            let path = "/tmp/hypersender-token-\(UInt64.random(in: 0 ... .max))"
            defer { unlink(path) }
            try writeFile(path, "1|wrong")
            try await Self.withClient(url: simulator.baseURL, token: .file(path: path)) { client in
                await #expect(throws: APIError.self) { try await client.list() }
                try writeFile(path, simulator.token)
                let list = try await client.list()
                #expect(list.instances.count == 12)
            }
        }
    }

    // MARK: Conditional requests

    /// A client that is told what the API would recognise asks whether that has changed; nothing is sent where it has not.
    @Test func anUnchangedListIsNotSentAgain() async throws {
        try await withSimulator(entityTags: true) { simulator in
            try await Self.withClient(simulator) { client in
                let first = try await client.list()
                #expect(first.instances.count == 12)
                for poll in 2...4 {
                    let answer = try await client.listInstances()
                    guard case .unchanged(let rateLimit, age: 0) = answer else {
                        Issue.record("poll \(poll) fetches the whole list")
                        continue
                    }
                    #expect(rateLimit == RateLimit(limit: 1000, remaining: 1000 - poll))
                    #expect(simulator.lastRequest?.headers["If-None-Match"] != nil)
                }
                // A failure in between changes nothing of it.
                simulator.setFault(Fault(.html))
                await #expect(throws: APIError.self) { try await client.list() }
                simulator.setFault(nil)
                let unchanged = try await client.listInstances()
                #expect(unchanged == .unchanged(RateLimit(limit: 1000, remaining: 995), age: 0))
                // A change is seen at once, and then is what is unchanged.
                simulator.setStatus(.failed, at: 3)
                let changed = try await client.list()
                #expect(changed.instances[3].status == .failed)
                let unchangedSince = try await client.listInstances()
                #expect(unchangedSince == .unchanged(RateLimit(limit: 1000, remaining: 993), age: 0))
            }
        }
    }

    /// Without an entity tag, the time of the last change is what a request can refer to.
    @Test func aTimeOfChangeServesToo() async throws {
        let changed = "Sun, 06 Nov 1994 08:49:37 GMT"
        let conditions = Mutex<[String?]>([])
        try await withServer { request in
            let condition = request.headers["If-Modified-Since"]
            conditions.withLock { $0.append(condition) }
            // The server adds the date of today.
            return Response(
                status: condition == changed ? 304 : 200, headers: ["Last-Modified": changed], body: Body("[]"))
        } test: { url in
            try await Self.withClient(url: url) { client in
                _ = try await client.list()
                let second = try await client.listInstances()
                #expect(second == .unchanged(RateLimit(), age: 0))
            }
        }
        #expect(conditions.withLock { $0 } == [nil, changed])
    }

    /// Without any validator the list is sent again; what is the same to the byte counts as unchanged all the same.
    @Test func theSameBytesAreUnchanged() async throws {
        try await withSimulator { simulator in
            try await Self.withClient(simulator) { client in
                _ = try await client.list()
                let second = try await client.listInstances()
                #expect(second == .unchanged(RateLimit(limit: 1000, remaining: 998), age: 0))
                #expect(simulator.lastRequest?.headers["If-None-Match"] == nil)
                simulator.setStatus(.failed, at: 3)
                let third = try await client.list()
                #expect(third.instances[3].status == .failed)
                // The fault's list is another one, and so is the sound one after it.
                simulator.setFault(Fault(.emptyList, count: 1))
                let empty = try await client.list()
                #expect(empty.instances.isEmpty)
                let fourth = try await client.list()
                #expect(fourth.instances == third.instances)
            }
        }
    }

    /// A list is known again only for the same token, address and filter.
    @Test func validatorsAreForOneTokenAndOneAddressOnly() async throws {
        let conditions = Mutex<[String?]>([])
        try await withServer { request in
            conditions.withLock { $0.append(request.headers["If-None-Match"]) }
            return Response(status: 200, headers: ["ETag": "\"1\""], body: Body("[]"))
        } test: { url in
            let path = "/tmp/hypersender-token-\(UInt64.random(in: 0 ... .max))"
            defer { unlink(path) }
            try writeFile(path, "1|one")
            try await Self.withClient(url: url, token: .file(path: path)) { client in
                _ = try await client.list()
                _ = try await client.listInstances()
                try writeFile(path, "1|two")
                _ = try await client.list()
                _ = try await client.listInstances()
                try writeFile(path, "1|one")
                _ = try await client.list()
            }
            try await Self.withClient(url: url, token: .file(path: path), filter: InstanceFilter(status: "FAILED")) {
                _ = try await $0.list()
            }
        }
        #expect(conditions.withLock { $0 } == [nil, "\"1\"", nil, "\"1\"", nil, nil])
    }

    /// A list that was not understood, or is one of several pages, is never referred to.
    @Test func onlyAWholeListThatWasGivenIsReferredTo() async throws {
        try await withSimulator(form: .paged(size: 5), entityTags: true) { simulator in
            try await Self.withClient(simulator) { client in
                for _ in 0..<2 {
                    let list = try await client.list()
                    #expect(list.instances.count == 12)
                    #expect(simulator.lastRequest?.headers["If-None-Match"] == nil)
                }
            }
        }
        let bodies = ["[]", "{}", "[]"]
        let requests = Mutex<[String?]>([])
        try await withServer { request in
            let number = requests.withLock { requests in
                requests.append(request.headers["If-None-Match"])
                return requests.count
            }
            return Response(status: 200, headers: ["ETag": "\"\(number)\""], body: Body(bodies[number - 1]))
        } test: { url in
            try await Self.withClient(url: url) { client in
                _ = try await client.list()
                await #expect(throws: APIError.self) { try await client.list() }
                _ = try await client.listInstances()
            }
        }
        #expect(requests.withLock { $0 } == [nil, "\"1\"", "\"1\""])
    }

    @Test func whatIdentifiesNothingIsNoValidator() throws {
        let date = "Sun, 06 Nov 1994 08:49:37 GMT"
        let minuteBefore = "Sun, 06 Nov 1994 08:48:37 GMT"
        let none: [HTTPHeaders] = [
            [:], ["ETag": ""], ["ETag": "abc"], ["ETag": "\""], ["ETag": "w/\"a\""], ["ETag": "\"a\"b\""],
            ["ETag": "\"a b\""],
            ["ETag": "\"a\"", "etag": "\"b\""], ["ETag": "\"\(String(repeating: "a", count: 511))\""],
            ["ETag": "\"é\""],
            ["Last-Modified": minuteBefore], ["Last-Modified": minuteBefore, "Date": "yesterday"],
            ["Last-Modified": "yesterday", "Date": date], ["Last-Modified": date, "Date": date],
            ["Last-Modified": date, "Date": minuteBefore],
            ["Last-Modified": "Sun, 06 Nov 1994 08:48:38 GMT", "Date": date],
        ]
        for headers in none {
            #expect(Validator(headers) == nil, "\(headers)")
        }
        for tag in ["\"a\"", "W/\"a\"", "\"\"", "\"\(String(repeating: "a", count: 510))\""] {
            let validator = try #require(Validator(["ETag": tag, "Last-Modified": minuteBefore, "Date": date]))
            #expect(validator.field == "if-none-match" && validator.value == tag)
        }
        let validator = try #require(Validator(["Last-Modified": minuteBefore, "Date": date]))
        #expect(validator.field == "if-modified-since" && validator.value == minuteBefore)
    }

    // MARK: What fails

    @Test(arguments: [
        (400, APIError.Reason.badRequest), (401, .unauthorized), (402, .httpError), (403, .forbidden), (404, .notFound),
        (405, .httpError), (409, .httpError), (418, .httpError), (422, .httpError), (423, .httpError),
        (429, .rateLimited),
        (500, .serverError), (502, .serverError), (503, .serverError), (599, .serverError), (301, .redirect),
        (302, .redirect),
        (308, .redirect), (304, .httpError), (201, .httpError), (202, .httpError), (204, .httpError), (206, .httpError),
    ])
    func statusesHaveTheirReason(status: Int, reason: APIError.Reason) async throws {
        try await withServer { _ in
            Response(
                status: status, headers: ["Location": "http://127.0.0.1:1/"],
                body: Body(#"{"message":"No \/ 1|s3cret."}"#))
        } test: { url in
            let error = try await Self.failure(url: url)
            #expect(error.reason == reason)
            #expect(error.detail.contains("\(status)"))
            #expect(!error.detail.contains("s3cret"))
        }
    }

    @Test(arguments: [
        (Fault.Kind.html, APIError.Reason.decode), (.empty, .decode), (.emptyObject, .decode), (.null, .decode),
        (.queued, .decode),
        (.truncated, .decode), (.lengthShort, .decode), (.trailingGarbage, .decode), (.secondDocument, .decode),
        (.deepNesting, .decode), (.wrongTypes, .decode), (.invalidUTF8, .decode), (.close, .connect),
        (.reset, .connect),
        (.lengthLong, .connect), (.hang, .timeout), (.hangBody, .timeout), (.drip, .timeout), (.notHTTP, .decode),
        (.endless, .tooLarge), (.gzipBomb, .tooLarge), (.endlessHeaders, .decode), (.largeHeaders, .decode),
        (.redirect, .redirect), (.foreignNext, .redirect),
    ])
    func faultsHaveTheirReason(kind: Fault.Kind, reason: APIError.Reason) async throws {
        try await withSimulator { simulator in
            // Time enough for a busy machine, unless running out of it is what is tried.
            let timeout = reason == .timeout ? Duration.seconds(2) : .seconds(300)
            try await Self.withClient(
                url: simulator.baseURL, token: .environment(name: "TEST", Secret(simulator.token)), timeout: timeout,
                maxResponseBytes: 1 << 20
            ) { client in
                // With a fresh connection, and with one that has served before.
                for _ in 0..<2 {
                    simulator.setFault(Fault(kind))
                    let error = await #expect(throws: APIError.self) { try await client.list() }
                    #expect(error?.reason == reason, "\(error?.detail ?? "")")
                    #expect(error?.detail.contains(simulator.token) == false)
                    simulator.setFault(nil)
                    // On a busy machine even a good answer may come too late for a client that has little time.
                    guard reason != .timeout else { continue }
                    let answer = try await client.listInstances()
                    if case .list(let list) = answer {
                        #expect(list.instances.count == 12)
                    }
                }
            }
        }
    }

    @Test func aRefusedConnectionFailsAtOnce() async throws {
        let (port, descriptor) = try Self.closedPort()
        defer { close(descriptor) }
        let started = ContinuousClock.now
        let error = try await Self.failure(url: "http://127.0.0.1:\(port)/v1", timeout: .seconds(600))
        #expect(error.reason == .connect)
        #expect(error.detail.contains("refused"))
        #expect(.now - started < .seconds(300))
    }

    @Test func anUnknownHostIsSaidSo() async throws {
        let error = try await Self.failure(url: "https://hypersender.invalid/v1")
        #expect(error.reason == .dns)
        #expect(error.detail.contains("hypersender.invalid"))
    }

    @Test func aServerWithoutTLSIsSaidSo() async throws {
        try await withServer { _ in
            Response(status: 200, body: Body("[]"))
        } test: { url in
            let error = try await Self.failure(url: "https" + url.dropFirst("http".count))
            #expect(error.reason == .tls)
        }
    }

    @Test func anUnreadableTokenIsSaidSo() async throws {
        try await Self.withClient(url: "http://127.0.0.1:1", token: .file(path: "/nonexistent/token")) { client in
            let error = await #expect(throws: APIError.self) { try await client.list() }
            #expect(error?.reason == .token)
        }
    }

    /// The parser takes status codes below 100, which the client would stumble over.
    @Test(arguments: ["000", "001", "099", "600", "999", "12345", "-12", "20x"])
    func impossibleStatusesAreFailures(status: String) async throws {
        try await withServer(replying: { _ in
            .raw { try await $0.write("HTTP/1.1 \(status) X\r\nContent-Length: 2\r\n\r\n[]") }
        }) { url in
            for _ in 0..<2 {
                let error = try await Self.failure(url: url)
                #expect([.decode, .httpError].contains(error.reason), "\(error.detail)")
            }
        }
    }

    @Test func pagesThatRepeatAnInstanceEndThePoll() async throws {
        let requests = Mutex<[String]>([])
        try await withServer { request in
            let next = requests.withLock { requests in
                requests.append(request.query ?? "")
                return requests.count
            }
            return Response(
                status: 200,
                body: Body(#"{"data":[{"id":"a","status":"WORKING"}],"links":{"next":"?page=\#(next)"}}"#))
        } test: { url in
            let error = try await Self.failure(url: url)
            #expect(error.reason == .incomplete)
        }
        // Once more from the first page, and no further.
        #expect(requests.withLock { $0 } == ["", "page=1", "", "page=3"])
    }

    @Test func aListThatShiftsIsReadAgain() async throws {
        let walks = Atomic(0)
        try await withServer { request in
            let isFirst = request.query == nil
            let walk = isFirst ? walks.add(1, ordering: .relaxed).newValue : walks.load(ordering: .relaxed)
            // While the first walk was under way, an instance came in at the front.
            let ids = isFirst ? ["a", "b"] : walk == 1 ? ["b", "c"] : ["c", "d"]
            let elements = ids.map { #"{"id":"\#($0)","status":"WORKING"}"# }.joined(separator: ",")
            return Response(
                status: 200,
                body: Body(#"{"data":[\#(elements)],"current_page":"\#(isFirst ? 1 : 2)","last_page":"2"}"#))
        } test: { url in
            let list = try await Self.list(url: url, token: "1|test")
            #expect(list.instances.map(\.id) == ["a", "b", "c", "d"] && list.duplicates == 0)
        }
        #expect(walks.load(ordering: .relaxed) == 2)
    }

    @Test func aSinglePageThatIsNotWholeFailsAtOnce() async throws {
        let requests = Atomic(0)
        try await withServer { _ in
            requests.add(1, ordering: .relaxed)
            return Response(status: 200, body: Body(#"{"data":[{"id":"a","status":"WORKING"}],"meta":{"total":"40"}}"#))
        } test: { url in
            let error = try await Self.failure(url: url)
            #expect(error.reason == .incomplete)
            #expect(error.detail == "the number of elements is 1, but the list gives a total of 40")
        }
        #expect(requests.load(ordering: .relaxed) == 1)
    }

    /// A bare array, whose pages the `Link` field names; the same page may be the only one at first, and one of several later.
    @Test(arguments: [false, true])
    func linkFieldsAreFollowed(hasTag: Bool) async throws {
        let isLong = Atomic(false)
        try await withServer { request in
            let isFirst = request.query == nil
            var headers = Headers()
            if hasTag, isFirst {
                headers.set("ETag", "\"1\"")
            }
            // With a tag, only the unchanged page tells of the next.
            let tells = !hasTag || request.headers["If-None-Match"] != nil
            if isFirst, tells, isLong.load(ordering: .relaxed) {
                headers.set("Link", #"</v1/instances?page=2>; rel="next""#)
            }
            let isKnown = request.headers["If-None-Match"] != nil
            return Response(
                status: isKnown ? 304 : 200, headers: headers,
                body: Body(isKnown ? "" : #"[{"id":"\#(isFirst ? "a" : "b")","status":"WORKING"}]"#))
        } test: { url in
            try await Self.withClient(url: url) { client in
                let first = try await client.list()
                let second = try await client.listInstances()
                isLong.store(true, ordering: .relaxed)
                let third = try await client.list()
                isLong.store(false, ordering: .relaxed)
                let fourth = try await client.list()
                #expect(second == .unchanged(RateLimit(), age: 0))
                #expect([first, third, fourth].map { $0.instances.map(\.id) } == [["a"], ["a", "b"], ["a"]])
            }
        }
    }

    @Test func theGreatestAgeCounts() async throws {
        try await withServer { request in
            let isFirst = request.query == nil
            return Response(
                status: request.headers["If-None-Match"] == nil ? 200 : 304,
                headers: ["Age": isFirst ? "70" : "9", "ETag": "\"1\""],
                body: Body(
                    #"{"data":[{"id":"\#(isFirst ? "a" : "b")","status":"WORKING"}]\#(isFirst ? #","next_page_url":"?p=2""# : "")}"#
                )
            )
        } test: { url in
            let list = try await Self.list(url: url, token: "1|test")
            #expect(list.age == 70)
        }
        try await withServer { request in
            let isKnown = request.headers["If-None-Match"] != nil
            return Response(
                status: isKnown ? 304 : 200, headers: ["Age": isKnown ? "33" : "3", "ETag": "\"1\""],
                body: Body(isKnown ? "" : "[]"))
        } test: { url in
            try await Self.withClient(url: url) { client in
                let first = try await client.list()
                let second = try await client.listInstances()
                #expect(first.age == 3 && second == .unchanged(RateLimit(), age: 33))
            }
        }
    }

    /// Statuses and bodies, and what they are taken for.
    @Test(
        arguments: [
            (403, "<title>Just a moment...</title>", [:], .blocked, "HTTP status 403: Just a moment..."),
            (401, "error code: 1020", [:], .blocked, "HTTP status 401"),
            (404, "<html>", [:], .blocked, "HTTP status 404"),
            (407, "<title>Proxy login</title>", [:], .blocked, "407: Proxy login"),
            (400, "Bad Request\n", [:], .blocked, "400"), (451, "no", [:], .blocked, "451"),
            (403, "", ["cf-mitigated": "challenge"], .blocked, "403"),
            (401, "{}", ["CF-Mitigated": "challenge"], .blocked, "401"),
            (403, "", [:], .forbidden, "status 403"), (407, "", [:], .httpError, "407"),
            (404, " \n", [:], .notFound, "404"),
            (403, #"{"error":{"message":"No plan."}}"#, [:], .forbidden, "403: No plan."),
            (401, #"{"error":"No key."}"#, [:], .unauthorized, "401: No key."),
            (429, "<title>Rate limited</title>", [:], .rateLimited, "429: Rate limited"),
            (429, "", ["cf-mitigated": "challenge"], .rateLimited, "429"),
            (503, "<title>Maintenance</title>", [:], .serverError, "503: Maintenance"),
            (522, "error code: 522", [:], .serverError, "522"),
            (200, "<title>Log in</title>", [:], .decode, "a web page instead of a list of instances: Log in"),
            (
                200, #"{"message":"No key 12|abc."}"#, [:], .decode,
                "an error instead of a list of instances: No key <redacted>"
            ),
            (200, #"{"data":null,"error":{"message":"Down."}}"#, [:], .decode, "Down."),
            (200, #"{"queued":true}"#, [:], .decode, "holds no list"),
        ] as [(Int, String, [String: String], APIError.Reason, String)])
    func answersAreNamed(
        status: Int, body: String, fields: [String: String], reason: APIError.Reason, detail: String
    ) async throws {
        try await withServer { _ in
            var headers = Headers()
            for (name, value) in fields {
                headers.set(name, value)
            }
            return Response(status: status, headers: headers, body: Body(body))
        } test: { url in
            let error = try await Self.failure(url: url)
            #expect(error.reason == reason && error.detail.contains(detail), "\(error.reason) \(error.detail)")
        }
    }

    /// The advice of any failure is kept, and the name of the request without the key, also with the status 200.
    @Test(arguments: [503, 401, 200])
    func adviceIsKeptWhateverFails(status: Int) async throws {
        try await withServer { _ in
            Response(status: status, headers: ["Retry-After": "50", "X-Request-Id": "r-1|test"], body: Body("{}"))
        } test: { url in
            let error = try await Self.failure(url: url)
            #expect(error.retry == .after(seconds: 50) && error.requestID == "r-<redacted>")
        }
    }

    @Test func allPagesTogetherKeepTheLimits() async throws {
        let page = Atomic(0)
        let filler = String(repeating: " ", count: 1000)
        try await withServer { _ in
            let next = page.add(1, ordering: .relaxed).newValue
            let body = #"{"data":[{"id":"\#(next)","status":"WORKING"}],\#(filler)"links":{"next":"?page=\#(next)"}}"#
            return Response(status: 200, body: Body(body))
        } test: { url in
            let error = try await Self.failure(url: url, maxResponseBytes: 10_000)
            #expect(error.reason == .tooLarge)
            #expect(page.load(ordering: .relaxed) < 12)
        }
    }

    @Test func rateLimitsCarryTheirAdvice() async throws {
        for (headers, advice) in [
            (
                Headers(
                    dictionaryLiteral: ("Retry-After", "7"), ("X-RateLimit-Limit", "60"), ("X-RateLimit-Remaining", "0")
                ),
                RetryAdvice.after(seconds: 7)
            ),
            (Headers(dictionaryLiteral: ("X-RateLimit-Reset", "17")), .after(seconds: 17)),
            (Headers(), nil),
        ] as [(Headers, RetryAdvice?)] {
            try await withServer { _ in
                Response(status: 429, headers: headers, body: Body(#"{"message":"Too Many Attempts."}"#))
            } test: { url in
                let error = try await Self.failure(url: url)
                #expect(error.retry == advice)
                #expect(
                    error.rateLimit
                        == RateLimit(
                            limit: headers["X-RateLimit-Limit"] == nil ? nil : 60,
                            remaining: headers["X-RateLimit-Remaining"] == nil ? nil : 0))
                #expect(error.detail == "the API answered with HTTP status 429: Too Many Attempts.")
            }
        }
    }

    /// The token must reach the API and nobody else.
    @Test func nobodyElseGetsTheToken() async throws {
        let strangers = Atomic(0)
        try await withServer { _ in
            strangers.add(1, ordering: .relaxed)
            return Response(status: 200, body: Body("[]"))
        } test: { stranger in
            for answer in [
                Response(status: 302, headers: ["Location": "\(stranger)/instances"]),
                Response(status: 200, body: Body(#"{"data":[],"links":{"next":"\#(stranger)/instances"}}"#)),
            ] {
                try await withServer { _ in
                    answer
                } test: { url in
                    let error = try await Self.failure(url: url)
                    #expect(error.reason == .redirect)
                }
            }
        }
        #expect(strangers.load(ordering: .relaxed) == 0)
    }

    /// A server may close an idle connection just when a poll begins; that alone must not fail the poll.
    @Test func aConnectionClosedBetweenPollsIsNoFailure() async throws {
        let answers = Atomic(0)
        try await withServer(replying: { _ in
            // Every third request meets a connection that closes without an answer; its repetition does not.
            answers.add(1, ordering: .relaxed).newValue % 3 == 2
                ? .raw { _ in throw CancellationError() } : .now(Response(status: 200, body: Body("[]")))
        }) { url in
            try await Self.withClient(url: url) { client in
                for _ in 0..<4 {
                    _ = try await client.listInstances()
                }
            }
            #expect(answers.load(ordering: .relaxed) > 4)
        }
    }

    @Test func cancellationEndsAPollAtOnce() async throws {
        try await withSimulator { simulator in
            simulator.setFault(Fault(.hang))
            try await Self.withClient(url: simulator.baseURL, timeout: .seconds(600)) { client in
                let poll = Task { try await client.list() }
                while simulator.requestCount < 1 { try await Task.sleep(for: .milliseconds(5)) }
                poll.cancel()
                await #expect(throws: CancellationError.self) { try await poll.value }
            }
        }
    }

    /// The way through a proxy that agrees is tried from end to end, by the tests of the program.
    @Test(arguments: [(403, "did not open"), (407, "user name and password")])
    func asksAProxyForATunnelAndSaysWhatItRefuses(status: Int, problem: String) async throws {
        let asked = Mutex<[String]>([])
        try await withServer { request in
            asked.withLock { $0.append("\(request.method) \(request.headers["Host"] ?? "")") }
            #expect(request.headers["Authorization"] == nil, "the token is not for the proxy")
            return Response(status: status)
        } test: { url in
            let port = try #require(Int(url.split(separator: ":")[2].prefix { $0 != "/" }))
            let base = try BaseURL("https://api.example.test/v1")
            let proxies = ProxySettings(environment: ["HTTPS_PROXY": "http://127.0.0.1:\(port)"])
            var configuration = try Self.configuration(url: base.description)
            configuration.proxy = try proxies.proxy(for: base)
            configuration.timeout = .seconds(300)
            let error = try await Self.withClient(configuration) { client in
                await #expect(throws: APIError.self) { try await client.list() }
            }
            #expect(error?.reason == .connect)
            #expect(error?.detail.contains(problem) == true)
        }
        #expect(asked.withLock { $0 } == ["CONNECT api.example.test"])
    }

    @Test func unusableFilesOfAuthoritiesAreNamed() throws {
        for (path, problem) in [
            ("/nonexistent.pem", "cannot be opened"), ("/dev/null", "not a regular file"), ("/etc/hostname", "PEM"),
        ] {
            var configuration = try Self.configuration(url: "https://h.test")
            configuration.caFile = path
            let connections = configuration.connections
            let error = #expect(throws: Problem.self) { try ConnectionPool(connections) }
            #expect(error?.description.contains(path) == true)
            #expect(error?.description.contains(problem) == true)
        }
    }

    // MARK: Servers

    private func withSimulator(
        form: ListForm = .array, entityTags: Bool = false, _ test: (SimulatorServer) async throws -> Void
    ) async throws {
        var configuration = SimulatorConfiguration()
        configuration.changes = false
        configuration.form = form
        configuration.entityTags = entityTags
        let simulator = try await SimulatorServer.start(configuration)
        try await finally({ await simulator.shutdown() }) { try await test(simulator) }
    }

    private func withServer(
        _ answer: @escaping @Sendable (Request) -> Response, test: (String) async throws -> Void
    ) async throws {
        try await withServer(replying: { .now(answer($0)) }, test: test)
    }

    private func withServer(replying reply: @escaping Handler, test: (String) async throws -> Void) async throws {
        let server = try await Server(
            ServerConfiguration(addresses: [ListenAddress("127.0.0.1:0")]),
            logger: Logger(label: "test", factory: { _ in SwiftLogNoOpLogHandler() })
        ) { reply($0) }
        try await finally({ await server.shutdown(grace: .zero) }) {
            try await test("http://127.0.0.1:\(server.addresses[0].port)/v1")
        }
    }

    private static func withClient<Result>(
        url: String, token: TokenSource? = nil, filter: InstanceFilter = InstanceFilter(),
        timeout: Duration = .seconds(300), maxResponseBytes: Int = 64 << 20,
        _ test: (HypersenderClient) async throws -> Result
    ) async throws -> Result {
        var configuration = try configuration(url: url)
        configuration.token = token ?? configuration.token
        configuration.filter = filter
        configuration.timeout = timeout
        configuration.maximumResponseBytes = maxResponseBytes
        return try await withClient(configuration, test)
    }

    private static func configuration(url: String) throws -> APIConfiguration {
        try APIConfiguration(
            baseURL: BaseURL(url), token: .environment(name: "TEST", Secret("1|test")), userAgent: "test/1")
    }

    private static func withClient<Result>(
        _ simulator: SimulatorServer, _ test: (HypersenderClient) async throws -> Result
    ) async throws -> Result {
        try await withClient(
            url: simulator.baseURL, token: .environment(name: "TEST", Secret(simulator.token)), test)
    }

    private static func withClient<Result>(
        _ configuration: APIConfiguration, _ test: (HypersenderClient) async throws -> Result
    ) async throws -> Result {
        let connections = try ConnectionPool(configuration.connections)
        return try await test(HypersenderClient(configuration, connections: connections, budget: ResponseBudget()))
    }

    private static func list(
        url: String, token: String, filter: InstanceFilter = InstanceFilter()
    ) async throws -> InstanceList {
        try await withClient(url: url, token: .environment(name: "TEST", Secret(token)), filter: filter) { client in
            try await client.list()
        }
    }

    private static func list(
        _ simulator: SimulatorServer, filter: InstanceFilter = InstanceFilter()
    ) async throws -> InstanceList {
        try await list(url: simulator.baseURL, token: simulator.token, filter: filter)
    }

    private static func failure(
        url: String, timeout: Duration = .seconds(300), maxResponseBytes: Int = 64 << 20
    ) async throws -> APIError {
        let error = try await withClient(url: url, timeout: timeout, maxResponseBytes: maxResponseBytes) { client in
            await #expect(throws: APIError.self) { try await client.list() }
        }
        return try #require(error)
    }

    /// A port of this machine on which nobody listens, nor can, until the socket is closed.
    private static func closedPort() throws -> (port: Int, descriptor: CInt) {
        let descriptor = socket(AF_INET, CInt(SOCK_STREAM.rawValue), 0)
        let result = try SocketAddress(ipAddress: "127.0.0.1", port: 0).withSockAddr { pointer, length in
            bind(descriptor, pointer, socklen_t(length))
        }
        try #require(result == 0)
        // Family, port, address.
        var name = [UInt8](repeating: 0, count: 16)
        var length = socklen_t(name.count)
        let isNamed = name.withUnsafeMutableBytes { bytes in
            bytes.withMemoryRebound(to: sockaddr.self) { getsockname(descriptor, $0.baseAddress, &length) == 0 }
        }
        try #require(isNamed)
        return (Int(name[2]) << 8 | Int(name[3]), descriptor)
    }
}

/// Runs `body`, and `cleanUp` after it however it ends.
private func finally<Result>(
    _ cleanUp: () async -> Void, _ body: () async throws -> Result
) async throws -> Result {
    let result: Swift.Result<Result, any Error>
    do {
        result = .success(try await body())
    } catch {
        result = .failure(error)
    }
    await cleanUp()
    return try result.get()
}

private func writeFile(_ path: String, _ contents: String) throws {
    try Data(contents.utf8).write(to: URL(filePath: path))
}

extension SimulatorServer {
    fileprivate var instances: [SimulatedInstance] { live.update { $0.account.instances } }
    fileprivate var requestCount: Int { live.update { $0.requestCount } }
    fileprivate var lastRequest: Request? { live.update { $0.lastRequest } }

    fileprivate func setFault(_ fault: Fault?) {
        live.update { $0.fault = fault }
    }

    fileprivate func setStatus(_ status: SimulatedStatus, at index: Int) {
        live.update { $0.account.setStatus(status, at: index) }
    }
}

extension HypersenderClient {
    /// The list, where it is not the one that was given before.
    fileprivate func list() async throws -> InstanceList {
        guard case .list(let list) = try await listInstances() else {
            struct IsUnchanged: Error {}
            throw IsUnchanged()
        }
        return list
    }
}
