import Synchronization
import Testing

@testable import HTTPServer

/// Passwords, added header fields and the rate limit.
@Suite struct AccessTests {
    private static let hash = BcryptHash("$2y$04$abcdefghijklmnopqrstuu2r9OfJnfCsdneAXAGHnS4UpFFP8WIrW")
    private static let costlyHash = BcryptHash("$2y$05$abcdefghijklmnopqrstuuOQiyCxlgf/oeuTqixKmWdcYUh4Hjl0a")
    /// The credentials `prometheus:secret`, `prometheus:wrong`, `nobody:secret`.
    private static let right = "Authorization: Basic cHJvbWV0aGV1czpzZWNyZXQ="
    private static let wrong = "Authorization: Basic cHJvbWV0aGV1czp3cm9uZw=="
    private static let unknown = "Authorization: Basic bm9ib2R5OnNlY3JldA=="

    private func settings(_ change: (inout WebSecurity) -> Void) -> WebSecurity {
        var settings = WebSecurity()
        change(&settings)
        return settings
    }

    private var withUser: WebSecurity { settings { $0.users["prometheus"] = Self.hash } }

    private func request(_ path: String, _ field: String? = nil) -> Request {
        let value = field.map { String($0.dropFirst("Authorization: ".count)) }
        return Request(target: path, headers: value.map { ["Authorization": $0] } ?? [:])
    }

    // MARK: - Passwords

    @Test func onlyTheRightPasswordOpens() async throws {
        let asked = Signal()
        let live = try LiveSecurity(withUser, logger: .silent)
        try await withServer(security: live) { request in
            asked.fire()
            return request.path == "/" ? .now(Response(status: 200, body: Body("ok"))) : .now(Response(status: 404))
        } _: { server in
            let client = try await TestClient.connect(to: server.port)
            for field in ["A: b", Self.wrong, Self.unknown, "Authorization: Bearer x"] {
                for path in ["/", "/nowhere"] {
                    try await client.get(path, field)
                    let response = await client.response()
                    #expect(response?.status == 401)
                    #expect(response?.head.contains("WWW-Authenticate: Basic\r\n") == true)
                    #expect(response?.body == "Unauthorized\n")
                }
            }
            #expect(asked.count == 0)
            for _ in 0..<2 {
                try await client.get("/", Self.right)
                #expect(await client.response()?.body == "ok")
            }
            try await client.get("/nowhere", Self.right)
            #expect(await client.response()?.status == 404)
        }
    }

    @Test func aPasswordIsHashedOnceUntilTheUsersChange() async throws {
        let access = AccessControl(withUser)
        guard case .uncertain(let check) = access.judge(request("/", Self.right)) else {
            Issue.record("the first time, nothing is known")
            return
        }
        let refusal = await check()
        #expect(refusal == nil)
        #expect(access.judge(request("/", Self.right)).isAllowed)
        #expect(!access.judge(request("/", Self.wrong)).isAllowed)

        let same = AccessControl(
            settings {
                $0.users = withUser.users
                $0.headers = ["A": "b"]
            }, old: access)
        #expect(same.judge(request("/", Self.right)).isAllowed)
        let joined = AccessControl(
            settings { $0.users = ["prometheus": Self.hash, "new": Self.costlyHash].compactMapValues(\.self) },
            old: same)
        #expect(joined.judge(request("/", Self.right)).isAllowed, "only another user's hash has changed")
        let other = AccessControl(settings { $0.users["prometheus"] = Self.costlyHash }, old: joined)
        #expect(!other.judge(request("/", Self.right)).isAllowed)
        let without = AccessControl(settings { $0.users["new"] = Self.costlyHash }, old: joined)
        #expect(!without.judge(request("/", Self.right)).isAllowed)
    }

    @Test func anUnknownUserCostsAsMuchAsTheCostliestKnown() async throws {
        let costs = Mutex<[Int]>([])
        let checker = PasswordChecker { _, hash in
            costs.withLock { $0.append(hash.cost) }
            return (false, .zero)
        }
        let both = settings { $0.users = ["prometheus": Self.hash, "other": Self.costlyHash].compactMapValues(\.self) }
        let access = AccessControl(both, checker: checker)
        guard case .uncertain(let check) = access.judge(request("/", Self.unknown)) else {
            Issue.record("an unknown user is not checked")
            return
        }
        let refusal = await check()
        #expect(refusal?.status == 401)
        #expect(costs.withLock { $0 } == [5])
        #expect(!access.judge(request("/", Self.unknown)).isAllowed)
    }

    @Test func evenTheDecoysPasswordOpensNothing() async throws {
        let access = AccessControl(withUser, checker: PasswordChecker { _, _ in (true, .zero) })
        guard case .uncertain(let check) = access.judge(request("/", Self.unknown)) else {
            Issue.record("an unknown user is not checked")
            return
        }
        let refusal = await check()
        #expect(refusal?.status == 401)
        #expect(!access.judge(request("/", Self.unknown)).isAllowed)
    }

    @Test func aPasswordWithANULIsRefusedUnhashed() throws {
        let access = AccessControl(withUser)
        // prometheus:secret\0
        let verdict = access.judge(request("/", "Authorization: Basic cHJvbWV0aGV1czpzZWNyZXQA"))
        guard case .refused(let response) = verdict else {
            Issue.record("it is hashed")
            return
        }
        #expect(response.status == 401)
    }

    @Test(arguments: [
        ("/healthz", true), ("/healthz?verbose=1", true), ("http://a/healthz", true), ("/healthz/", false),
        ("//healthz", false), ("/./healthz", false), ("/metrics/../healthz", false), ("/healthz/../metrics", false),
        ("/Healthz", false), ("/%68ealthz", false), ("/healthz;a", false), ("/healthz%00", false), ("/metrics", false),
    ])
    func onlyTheExactPathIsExempt(target: String, isExempt: Bool) throws {
        let access = AccessControl(
            settings {
                $0.users = withUser.users
                $0.authExemptPaths = ["/healthz"]
            })
        #expect(access.judge(request(target)).isAllowed == isExempt)
    }

    // MARK: - Headers

    @Test func fieldsAreAddedToEveryResponse() async throws {
        let live = try LiveSecurity(
            settings {
                $0.users = withUser.users
                $0.headers = ["X-Frame-Options": "deny", "X-Content-Type-Options": "nosniff"]
            }, logger: .silent)
        try await withServer(security: live) { _ in
            .later { Response(status: 200, headers: ["x-frame-options": "SAMEORIGIN"], body: Body("ok")) }
        } _: { server in
            let client = try await TestClient.connect(to: server.port)
            for field in [Self.wrong, Self.right] {
                try await client.get("/", field)
                let head = await client.response()?.head
                #expect(head?.contains("X-Frame-Options: deny\r\n") == true)
                #expect(head?.contains("X-Content-Type-Options: nosniff\r\n") == true)
                #expect(
                    head?.contains("SAMEORIGIN") == false, "the field asked for takes the place of the response's own")
            }
        }
    }

    // MARK: - Rate

    @Test(arguments: [
        (1, [0, 0, 999, 1000, 1001, 2000], [true, false, false, true, false, true]),
        (3, [0, 0, 0, 0, 1000, 1000], [true, true, true, false, true, false]),
        (2, [0, 10_000, 10_000, 10_000], [true, true, true, false]),
        (1, [0, 1500, 2000, 2500], [true, true, false, true]),
    ])
    func theBucketFillsByTheClock(burst: Int, at milliseconds: [Int], taken: [Bool]) throws {
        let start = ContinuousClock.now
        var bucket = TokenBucket(
            try #require(RequestRateLimit(interval: .seconds(1), burst: burst)), now: start)
        let results = milliseconds.map { bucket.take(now: start + .milliseconds($0)) }
        #expect(results == taken)
    }

    @Test func tooManyRequestsAreRefused() async throws {
        let limited = settings { $0.rateLimit = RequestRateLimit(interval: .seconds(3600), burst: 2) }
        let live = try LiveSecurity(limited, logger: .silent)
        try await withServer(security: live) { _ in
            .now(Response(status: 200))
        } _: { server in
            let client = try await TestClient.connect(to: server.port)
            var statuses: [Int?] = []
            for _ in 0..<3 {
                try await client.get("/")
                statuses.append(await client.response()?.status)
            }
            #expect(statuses == [200, 200, 429])
            // The count goes on, unless the limit itself changes.
            try live.replace(
                with: settings {
                    $0.rateLimit = limited.rateLimit
                    $0.headers = ["A": "b"]
                })
            try await client.get("/")
            #expect(await client.response()?.body == "Too Many Requests\n")
            try live.replace(with: WebSecurity())
            try await client.get("/")
            #expect(await client.response()?.status == 200)
        }
    }

    @Test func limitsAreAboveZero() {
        #expect(RequestRateLimit(interval: .zero, burst: 1) == nil)
        #expect(RequestRateLimit(interval: .seconds(1), burst: 0) == nil)
    }
}

extension AccessControl {
    fileprivate func judge(_ request: Request) -> AccessDecision { judge(request, of: Client()) }
}

extension AccessDecision {
    fileprivate var isAllowed: Bool {
        if case .allowed = self { true } else { false }
    }
}
