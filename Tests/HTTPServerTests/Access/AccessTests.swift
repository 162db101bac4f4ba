import Testing

@testable import HTTPServer

/// Who is let in, what is added to responses, and how often one may ask.
@Suite struct AccessTests {
    private static let hash = "$2y$04$abcdefghijklmnopqrstuu2r9OfJnfCsdneAXAGHnS4UpFFP8WIrW"
    private static let costlyHash = "$2y$05$abcdefghijklmnopqrstuuOQiyCxlgf/oeuTqixKmWdcYUh4Hjl0a"
    /// The credentials `prometheus:secret`, `prometheus:wrong`, `nobody:secret`.
    private static let right = "Authorization: Basic cHJvbWV0aGV1czpzZWNyZXQ="
    private static let wrong = "Authorization: Basic cHJvbWV0aGV1czp3cm9uZw=="
    private static let unknown = "Authorization: Basic bm9ib2R5OnNlY3JldA=="

    private func settings(_ change: (inout WebSecurity) -> Void) -> WebSecurity {
        var settings = WebSecurity()
        change(&settings)
        return settings
    }

    private var withUser: WebSecurity { settings { $0.users = ["prometheus": Self.hash] } }

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
        let access = try AccessControl(withUser, old: nil)
        guard case .uncertain(let credentials, let hash, true) = access.judge(request("/", Self.right)) else {
            Issue.record("the first time, nothing is known")
            return
        }
        let refusal = await access.check(credentials, hash, isUser: true, for: Request(target: "/"))
        #expect(refusal == nil)
        #expect(access.judge(request("/", Self.right)).isAllowed)
        #expect(!access.judge(request("/", Self.wrong)).isAllowed)

        let same = try AccessControl(
            settings {
                $0.users = withUser.users; $0.headers = [.init("A", "b")]
            }, old: access)
        #expect(same.judge(request("/", Self.right)).isAllowed)
        let joined = try AccessControl(
            settings { $0.users = ["prometheus": Self.hash, "new": Self.costlyHash] }, old: same)
        #expect(joined.judge(request("/", Self.right)).isAllowed, "only another user's hash has changed")
        let other = try AccessControl(settings { $0.users = ["prometheus": Self.costlyHash] }, old: joined)
        #expect(!other.judge(request("/", Self.right)).isAllowed)
        let without = try AccessControl(settings { $0.users = ["new": Self.costlyHash] }, old: joined)
        #expect(!without.judge(request("/", Self.right)).isAllowed)
    }

    @Test func anUnknownUserCostsAsMuchAsTheCostliestKnown() async throws {
        let both = settings { $0.users = ["prometheus": Self.hash, "other": Self.costlyHash] }
        let access = try AccessControl(both, old: nil)
        guard case .uncertain(let credentials, let hash, false) = access.judge(request("/", Self.unknown)) else {
            Issue.record("an unknown user is not checked")
            return
        }
        #expect(hash.cost == 5)
        let refusal = await access.check(credentials, hash, isUser: false, for: Request(target: "/"))
        #expect(refusal?.status == 401)
        #expect(!access.judge(request("/", Self.unknown)).isAllowed)
    }

    @Test func evenTheDummysPasswordOpensNothing() async throws {
        let access = try AccessControl(withUser, old: nil)
        let hash = try #require(Bcrypt(Self.hash))
        let refusal = await access.check(
            Credentials(user: "nobody", password: Array("secret".utf8)), hash, isUser: false, for: Request(target: "/"))
        #expect(refusal?.status == 401)
    }

    @Test func aPasswordWithANULIsRefusedUnhashed() throws {
        let access = try AccessControl(withUser, old: nil)
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
        let access = try AccessControl(
            settings {
                $0.users = withUser.users
                $0.authExemptPaths = ["/healthz"]
            }, old: nil)
        #expect(access.judge(request(target)).isAllowed == isExempt)
    }

    // MARK: - Headers

    @Test func fieldsAreAddedToEveryResponse() async throws {
        let live = try LiveSecurity(
            settings {
                $0.users = withUser.users
                $0.headers = [.init("X-Frame-Options", "deny"), .init("X-Content-Type-Options", "nosniff")]
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
    func theBucketFillsByTheClock(burst: Int, at milliseconds: [Int], taken: [Bool]) {
        let start = ContinuousClock.now
        var bucket = TokenBucket(RequestRateLimit(interval: .seconds(1), burst: burst), now: start)
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
                    $0.rateLimit = limited.rateLimit; $0.headers = [.init("A", "b")]
                })
            try await client.get("/")
            #expect(await client.response()?.body == "Too Many Requests\n")
            try live.replace(with: WebSecurity())
            try await client.get("/")
            #expect(await client.response()?.status == 200)
        }
    }

    // MARK: - Mistakes

    struct Mistake: Sendable, CustomTestStringConvertible {
        let testDescription: String
        let change: @Sendable (inout WebSecurity) -> Void

        init(_ text: String, _ change: @escaping @Sendable (inout WebSecurity) -> Void) {
            testDescription = text
            self.change = change
        }
    }

    @Test(arguments: [
        Mistake("users: the password of \"a\" is not a bcrypt hash, as \"htpasswd -nB a\" makes one") {
            $0.users = ["a": "secret"]
        },
        Mistake("users: \"a:b\": a name cannot have a colon") { $0.users = ["a:b": AccessTests.hash] },
        Mistake("header fields: \"A b\" is not the name of a field") { $0.headers = [.init("A b", "c")] },
        Mistake("header fields: the value of A has a control character") { $0.headers = [.init("A", "b\r\nC: d")] },
        Mistake("paths without authentication: \"healthz\" does not begin with a slash") {
            $0.authExemptPaths = ["healthz"]
        },
        Mistake("rate limit: interval and burst must be above zero") {
            $0.rateLimit = RequestRateLimit(interval: .zero)
        },
        Mistake("rate limit: interval and burst must be above zero") {
            $0.rateLimit = RequestRateLimit(interval: .seconds(1), burst: 0)
        },
    ])
    func mistakesAreNamed(mistake: Mistake) {
        let error = #expect(throws: WebSecurityError.self) {
            try LiveSecurity.check(settings(mistake.change))
        }
        #expect(error?.description == mistake.testDescription)
    }
}

extension AccessControl.Verdict {
    fileprivate var isAllowed: Bool {
        if case .allowed = self { true } else { false }
    }
}
