import Testing

@testable import Endpoints
@testable import HTTPServer
@testable import HypersenderAPI
@testable import Monitoring

/// Returns an account after polls at these seconds.
private func account(
    _ name: String? = nil, _ polls: [(Double, Result<InstanceList, APIError>)] = [],
    labels: [String: String] = [:]
) -> AccountState {
    var account = AccountState(
        AccountOptions(name: name, labels: labels, interval: .seconds(60), staleAfter: .seconds(180)))
    for (time, result) in polls {
        account.record(result.map(ListResponse.list), started: moment(time - 1), ended: moment(time))
    }
    return account
}

/// Seconds after 14:00:00 UTC on 2026-03-01.
private func moment(_ seconds: Double) -> Moment {
    Moment(unix: 1_772_373_600 + seconds, uptime: .seconds(seconds))
}

private func good(_ statuses: InstanceStatus...) -> Result<InstanceList, APIError> {
    .success(list(statuses))
}

private func list(_ statuses: [InstanceStatus]) -> InstanceList {
    InstanceList(
        instances: statuses.enumerated().map {
            Instance(id: "id-\($0.offset)", name: "name-\($0.offset)", status: $0.element)
        })
}

private let bad = Result<InstanceList, APIError>.failure(APIError(.unauthorized, "the API answered 401"))

private func text(
    _ accounts: [AccountState], at seconds: Double, _ query: String = "", runbooks: String = RunbooksPage.link
) -> String {
    let exporter = ExporterState(version: "1.2.3", revision: "abcdef", swiftVersion: "6", startTime: 0)
    let page = StatusPage(
        accounts: accounts, exporter: exporter, now: moment(seconds), metricsPath: "/metrics", runbooks: runbooks,
        query: StatusQuery(Request(target: "/?" + query)))
    return String(decoding: page.page.html(nonce: 1).bytes, as: UTF8.self)
}

struct StatusSummaryTests {
    struct Case: Sendable {
        var accounts: [AccountState]
        var time: Double
        var level: StatusSummary.Level
        var headline: String
        var notes: [String] = []

        init(
            _ accounts: AccountState..., at time: Double, _ level: StatusSummary.Level, _ headline: String,
            notes: [String] = []
        ) {
            self.accounts = accounts
            self.time = time
            self.level = level
            self.headline = headline
            self.notes = notes
        }
    }

    static let cases = [
        Case(account(), at: 5, .neutral, "Waiting for the first poll"),
        Case(account(nil, [(10, good())]), at: 20, .neutral, "No instances"),
        Case(account(nil, [(10, good(.working))]), at: 20, .good, "The only instance is working"),
        Case(
            account(nil, [(10, .success(list(Array(repeating: .working, count: 1200))))]), at: 20, .good,
            "All 1,200 instances are working"),
        Case(account(nil, [(10, good(.working, .starting))]), at: 20, .warning, "1 of 2 instances is starting"),
        Case(account(nil, [(10, good(.pending, .starting))]), at: 20, .warning, "2 of 2 instances are starting"),
        Case(account(nil, [(10, good(.failed))]), at: 20, .bad, "1 of 1 instance needs attention"),
        Case(
            account(nil, [(10, good(.failed, .scanQRCode, .stopped, .unknown, .starting, .working))]), at: 20, .bad,
            "4 of 6 instances need attention"),
        // A status that normally lasts seconds has lasted ten minutes.
        Case(
            account(nil, [(10, good(.starting)), (600, good(.starting))]), at: 609, .warning,
            "1 of 1 instance is starting"),
        Case(
            account(nil, [(10, good(.starting)), (600, good(.starting))]), at: 610, .bad,
            "1 of 1 instance needs attention"),
        // Polls fail, while the data is fresh and when it is not.
        Case(
            account(nil, [(10, good(.working, .working)), (70, bad), (130, bad)]), at: 140, .warning,
            "All 2 instances are working, but polls are failing",
            notes: ["Polls have failed since 14:01:10 UTC; the data shown is up to 2 min 10 s old."]),
        Case(
            account(nil, [(10, good(.failed)), (70, bad)]), at: 80, .bad, "1 of 1 instance needs attention",
            notes: ["Polls have failed since 14:01:10 UTC; the data shown is up to 1 min 10 s old."]),
        Case(
            account(nil, [(10, good(.working)), (70, bad)]), at: 191, .bad,
            "No data: polls have failed since 14:01:10 UTC"),
        Case(
            account(nil, [(10, bad)]), at: 86_400, .bad, "No data: polls have failed since 2026-03-01 14:00:10 UTC"),
        Case(account(nil, [(10, good(.working))]), at: 191, .bad, "No data: the last poll ended at 14:00:10 UTC"),
        // Several accounts.
        Case(
            account("a", [(10, good(.working))]), account("b"), at: 20, .good, "The only instance is working",
            notes: ["1 of 2 accounts waits for the first poll."]),
        Case(
            account("a", [(10, good(.working))]), account("b", [(10, bad)]), at: 20, .bad,
            "The only instance is working, but 1 of 2 accounts has no data",
            notes: ["1 of 2 accounts has no data: no poll has succeeded recently enough."]),
        Case(
            account("a", [(10, good(.failed))]), account("b", [(10, bad)]), account("c", [(10, bad)]), at: 20, .bad,
            "1 of 1 instance needs attention",
            notes: ["2 of 3 accounts have no data: no poll has succeeded recently enough."]),
        Case(
            account("a", [(10, good(.working))]), account("b", [(10, good(.working)), (70, bad)]), at: 80, .warning,
            "All 2 instances are working, but polls are failing",
            notes: ["Polls of 1 of 2 accounts have failed since 14:01:10 UTC; the data shown is up to 1 min 10 s old."]),
        Case(
            account("a", [(20, bad)]), account("b", [(10, bad)]), account("c"), at: 80, .bad,
            "No data: polls have failed since 14:00:10 UTC"),
    ]

    @Test(arguments: cases)
    func summarizesTheState(_ example: Case) {
        let now = moment(example.time)
        let selection = InstanceSelection(example.accounts, now: now, maximum: 500)
        let summary = StatusSummary(example.accounts, selection, now: now)
        #expect(summary.level == example.level)
        #expect(summary.headline == example.headline)
        #expect(summary.notes == example.notes)
        #expect(
            text(example.accounts, at: example.time).contains(
                "<title>\(example.headline) · Hypersender exporter</title>"))
    }
}

struct StatusQueryTests {
    @Test(
        arguments: [
            ("", "", "", "", false),
            ("q=&status=&account=&refresh=", "", "", "", false),
            ("q=Sales+Lagos", "Sales Lagos", "", "", false),
            ("q=%20%09x%0A", "x", "", "", false),
            ("q=a&q=b&status=FAILED&status=WORKING", "a", "FAILED", "", false),
            ("status=scan_qr_code&account=acme", "", "SCAN_QR_CODE", "acme", false),
            ("status=attention&refresh=off", "", "ATTENTION", "", true),
            ("status=Attention&refresh=on", "", "ATTENTION", "", false),
            ("status=%3Cb%3E", "", "<B>", "", false),
            ("q=100%&account=%zz", "100%", "", "%zz", false),
            ("q=%ff&&=&x", "\u{FFFD}", "", "", false),
            ("q=" + String(repeating: "%C3%A9", count: 300), String(repeating: "é", count: 256), "", "", false),
        ] as [(String, String, String, String, Bool)])
    func readsQueries(query: String, text: String, status: String, account: String, isPaused: Bool) {
        let query = StatusQuery(Request(target: "/?" + query))
        #expect(query.text == text)
        #expect(query.status == status)
        #expect(query.account == account)
        #expect(query.isPaused == isPaused)
    }

    @Test(arguments: [
        ("", "", true), ("", "a", true), ("a", "", false), ("sales", "Sales Lagos", true),
        ("LAGOS", "Sales Lagos", true),
        ("s l", "Sales Lagos", true), ("salesl", "Sales Lagos", false), ("é", "CAFÉ", true), ("CAFÉ", "café", true),
        ("قاهرة", "مبيعات القاهرة", true), ("@", "`", false), ("[", "{", false), ("aab", "aaab", true),
        ("abab", "abaabab", true), ("aabaaa", "aabaabaaa", true), ("ababac", "abababab", false), ("x", "👩‍💻 X", true),
    ])
    func findsTextInAnyCase(wanted: String, text: String, isFound: Bool) {
        #expect(TextSearch(wanted).matches(text) == isFound)
    }

    @Test func findsTextAtAnyPlace() {
        func texts(_ length: Int) -> [[UInt8]] {
            (0..<1 << length).map { bits in (0..<length).map { bits >> $0 & 1 == 0 ? 0x61 : 0x62 } }
        }
        for wanted in (1...5).flatMap(texts) {
            let search = TextSearch(String(decoding: wanted, as: UTF8.self))
            for text in texts(8) {
                let isFound = (0...8 - wanted.count).contains { text[$0...].starts(with: wanted) }
                #expect(search.matches(String(decoding: text, as: UTF8.self)) == isFound)
            }
        }
    }
}

struct InstanceSelectionTests {
    private func names(_ accounts: [AccountState], at seconds: Double, _ query: String, maximum: Int = 500) -> [String]
    {
        let selection = InstanceSelection(
            accounts, now: moment(seconds), query: StatusQuery(Request(target: "/?" + query)), maximum: maximum)
        return selection.rows.map(\.tracked.instance.name)
    }

    @Test func showsTroubleFirst() {
        let statuses: [InstanceStatus] = [.working, .starting, .pending, .stopped, .unknown, .scanQRCode, .failed]
        let accounts = [account(nil, [(10, .success(list(statuses)))])]
        #expect(names(accounts, at: 20, "") == (0...6).reversed().map { "name-\($0)" })
    }

    @Test func showsTheLatestTroubleFirst() {
        let accounts = [
            account(
                "a",
                [
                    (10, good(.failed, .working, .working, .working)), (20, good(.failed, .working, .failed, .working)),
                    (30, good(.failed, .failed, .failed, .working)),
                ]),
            account("b", [(25, .success(InstanceList(instances: [Instance(id: "0", name: "b", status: .failed)])))]),
        ]
        #expect(names(accounts, at: 40, "") == ["name-1", "b", "name-2", "name-0", "name-3"])
    }

    @Test(arguments: [
        ("q=SALES", ["Sales Lagos", "Sales Accra"]), ("q=ID-2", ["Billing"]), ("q=nobody", []),
        ("status=FAILED", ["Sales Lagos"]), ("status=attention", ["Sales Lagos", "Billing"]),
        ("status=nonsense", []), ("account=globex", ["Other"]), ("account=nobody", []),
        ("q=s&status=WORKING&account=acme", ["Sales Accra"]), ("account=stale", []),
    ])
    func filters(query: String, found: [String]) {
        let instances = [
            Instance(id: "id-0", name: "Sales Lagos", status: .failed),
            Instance(id: "id-1", name: "Sales Accra", status: .working),
            Instance(id: "id-2", name: "Billing", status: .stopped),
        ]
        let accounts = [
            account("stale", [(-200, good(.failed))]),
            account("acme", [(10, .success(InstanceList(instances: instances)))]),
            account(
                "globex",
                [(10, .success(InstanceList(instances: [Instance(id: "o", name: "Other", status: .working)])))]),
        ]
        #expect(names(accounts, at: 20, query) == found)
    }

    @Test func keepsTheFirstOnly() {
        // Ids, and so places, by which trouble comes late, early, and everywhere.
        for step in [1, 7, 1_999] {
            let instances = (0..<2_000).map { number in
                let place = String(10_000 + number * step % 2_000)
                return Instance(id: place, name: place, status: number < 40 ? .failed : .working)
            }
            let accounts = [account(nil, [(10, .success(InstanceList(instances: instances)))])]
            let sorted =
                instances.filter { $0.status == .failed }.map(\.name).sorted()
                + instances.filter { $0.status == .working }.map(\.name).sorted()
            #expect(names(accounts, at: 20, "", maximum: 50) == Array(sorted.prefix(50)))
            #expect(names(accounts, at: 20, "", maximum: 3_000) == sorted)
        }
    }

    @Test func countsAll() {
        let accounts = [account(nil, [(10, good(.failed, .starting, .working, .working))])]
        let selection = InstanceSelection(
            accounts, now: moment(20), query: StatusQuery(Request(target: "/?status=WORKING")), maximum: 1)
        #expect(InstanceStatus.allCases.map { selection.counts[$0] } == [0, 1, 2, 0, 1, 0, 0])
        #expect(selection.counts.total == 4 && selection.attention == 1 && selection.settling == 1)
        #expect(selection.matched == 2 && selection.rows.count == 1)
    }
}

struct StatusPageTests {
    /// A status has its link at the top while it is trouble, and always where the statuses are explained.
    @Test(arguments: [
        (InstanceStatus.scanQRCode, 20.0, "hypersenderinstanceneedsqrscan", 2),
        (.failed, 20, "hypersenderinstancefailed", 2),
        (.stopped, 20, "hypersenderinstancestopped", 2), (.unknown, 20, "hypersenderunknownstatus", 2),
        // PENDING and STARTING share one.
        (.starting, 20, "hypersenderinstancestuck", 2), (.starting, 610, "hypersenderinstancestuck", 3),
        (.pending, 610, "hypersenderinstancestuck", 3), (.working, 20, "hypersenderinstancefailed", 1),
    ])
    func linksTroubleToItsRunbook(status: InstanceStatus, seconds: Double, anchor: String, count: Int) {
        let accounts = [account(nil, [(10, good(status)), (600, good(status))].filter { $0.0 < seconds })]
        let page = text(accounts, at: seconds, runbooks: "https://wiki.example/a?b&c")
        let link = "<a rel=\"noreferrer\" href=\"https://wiki.example/a?b&amp;c#\(anchor)\">"
        #expect(page.split(separator: link, omittingEmptySubsequences: false).count == count + 1)
    }

    @Test(arguments: APIError.Reason.allCases)
    func linksFailedPollsToTheirRunbook(reason: APIError.Reason) {
        let page = text([account(nil, [(10, .failure(APIError(reason, "x")))])], at: 20, runbooks: "https://a/")
        #expect(page.contains("<a rel=\"noreferrer\" href=\"https://a/\(Runbook(reason).anchor)\">What to do</a>"))
        let overdue = text([account(nil, [(10, good(.working))])], at: 191, runbooks: "https://a/")
        #expect(overdue.contains("https://a/#hypersenderpollsfailing\">What to do</a>"))
    }

    @Test(arguments: [(20.0, "in 2 min"), (139, "in 1 s"), (140, "under way"), (200, "under way")])
    func tellsWhenAFailingAccountIsAskedNext(seconds: Double, text expected: String) {
        var failing = account(nil, [(10, good(.working)), (20, bad)])
        failing.nextPoll = .seconds(140)
        #expect(text([failing], at: seconds).contains("<dt>Next attempt</dt><dd>\(expected)</dd>"))
        var working = account(nil, [(10, good(.working))])
        working.nextPoll = .seconds(140)
        #expect(!text([working], at: seconds).contains("Next attempt"))
    }

    /// Relative, so that they lead there also where a proxy has the exporter under another path.
    @Test func linksToItsOwnRunbooks() {
        let page = text([account(nil, [(10, good(.failed)), (20, bad)])], at: 30)
        #expect(page.contains("<a rel=\"noreferrer\" href=\"./runbooks#hypersenderinstancefailed\">FAILED</a>"))
        #expect(page.contains("<a rel=\"noreferrer\" href=\"./runbooks\">Runbooks</a>"))
    }

    @Test(arguments: [
        ("<script>alert('x')</script>", "&lt;script&gt;alert(&#39;x&#39;)&lt;/script&gt;"),
        ("\"><img onerror=x>", "&quot;&gt;&lt;img onerror=x&gt;"), ("a&amp;b", "a&amp;amp;b"),
        ("a\u{202E}b\u{2066}c", "a[U+202E]b[U+2066]c"), ("a\u{200B}b\u{FEFF}", "a[U+200B]b[U+FEFF]"),
        ("a\u{0}b\u{1B}c\n", "a[U+0000]b[U+001B]c[U+000A]"), ("\u{7F}\u{85}\u{2028}", "[U+007F][U+0085][U+2028]"),
        ("café مبيعات 👩‍💻", "café مبيعات 👩‍💻"), (String(repeating: "W", count: 256), String(repeating: "W", count: 256)),
    ])
    func escapesNames(name: String, shown: String) {
        let instance = Instance(id: name, name: name, status: .failed)
        let error = APIError(.decode, name)
        let page = text(
            [account(name, [(10, .success(InstanceList(instances: [instance]))), (20, .failure(error))])], at: 30)
        #expect(page.contains("scope=\"row\"><bdi>\(shown)</bdi>"), "the name")
        #expect(page.contains("class=\"id\"><bdi>\(shown)</bdi>"), "the id")
        #expect(page.contains("<h3><bdi>\(shown)</bdi>"), "the account")
        #expect(page.contains("class=\"of\"><bdi>\(shown)</bdi>"), "the instance's account")
        #expect(page.contains("<strong><bdi>\(shown)</bdi>"), "the error")
    }

    @Test func repeatsTheQueryInTheForm() {
        let page = text(
            [account("a&b", [(10, good(.working))])], at: 20,
            "q=%22%3E%E2%80%AEx&status=FAILED&account=a%26b&refresh=off")
        #expect(page.contains("value=\"&quot;&gt;\u{202E}x\""))
        #expect(page.contains("<option value=\"FAILED\" selected>"))
        #expect(page.contains("<option value=\"a&amp;b\" selected>"))
        #expect(page.contains("<input type=\"hidden\" name=\"refresh\" value=\"off\">"))
        #expect(page.contains("href=\"?q=%22%3E%E2%80%AEx&amp;status=FAILED&amp;account=a%26b\">Resume</a>"))
        #expect(page.contains("No instance matches.") && !page.contains("<table"))
    }

    @Test func refreshesUnlessPaused() {
        let accounts = [account(nil, [(10, good(.working))])]
        #expect(text(accounts, at: 20).contains("<meta http-equiv=\"refresh\" content=\"30\">"))
        #expect(text(accounts, at: 20, "q=x").contains("href=\"?q=x&amp;refresh=off\">Pause</a>"))
        #expect(!text(accounts, at: 20, "refresh=off").contains("http-equiv"))
    }

    @Test func explainsAFailingAccount() {
        let accounts = [
            account("acme", [(10, good(.working)), (70, bad), (130, bad)]), account("globex", [(130, good(.failed))]),
        ]
        let page = text(accounts, at: 140)
        for part in [
            "<h3><bdi>acme</bdi></h3>", "Failing</span> since <time datetime=\"2026-03-01T14:01:10Z\"",
            "title=\"2026-03-01 14:01:10 UTC\">14:01:10 UTC</time>", "<code>unauthorized</code>",
            "<bdi>the API answered 401</bdi>", "Check the token.", "withdrawn in 50 s unless a poll succeeds",
            ">10 s ago</time> <small>14:02:10 UTC</small>", ">2 min 10 s ago</time> <small>14:00:10 UTC</small>",
            "<dd>1 min</dd>", "name=\"account\"",
        ] {
            #expect(page.contains(part), "\(part)")
        }
        #expect(page.firstRange(of: "name-0")?.isEmpty == false)
    }

    @Test func withdrawsStaleData() {
        let page = text([account(nil, [(10, good(.working)), (70, bad)])], at: 191)
        #expect(page.contains("Its data is withdrawn: it is older than 3 min."))
        #expect(!page.contains("name-0") && !page.contains("<table") && !page.contains("class=\"counts\""))
        #expect(text([account(nil, [(10, bad)])], at: 20).contains("There is no data: no poll has succeeded yet."))
        #expect(text([account()], at: 20).contains("First poll under way"))
        #expect(text([account(nil, [(10, good(.working))])], at: 191).contains("Overdue"))
    }

    @Test func showsRateLimitsAndUnreadableElements() {
        var list = InstanceList(
            instances: [Instance(id: "a", name: " ", status: .working)],
            rateLimit: RateLimit(limit: 1_000, remaining: 59))
        list.withoutID = 3
        let page = text([account(nil, [(10, .success(list))])], at: 20)
        #expect(page.contains("<dt>Unreadable</dt><dd>3</dd>"))
        #expect(page.contains("<h1>The only instance is working, but 3 elements of the list are unreadable</h1>"))
        #expect(!page.contains("class=\"verdict good\""))
        #expect(page.contains("<dt>Requests left</dt><dd>59 of 1,000</dd>"))
        #expect(page.contains("<i>no name</i>"))
    }

    @Test func showsLabelsOfTheAccount() {
        let page = text([account("acme", labels: ["team": "x", "customer": "<A> & B"])], at: 20)
        let customer = "<div><dt>customer</dt><dd><bdi>&lt;A&gt; &amp; B</bdi></dd></div>"
        #expect(page.contains("\(customer)<div><dt>team</dt><dd><bdi>x</bdi></dd></div></dl>"))
    }

    @Test func distinguishesFirstSightFromChange() {
        let accounts = [account(nil, [(10, good(.working, .working)), (70, good(.working, .failed))])]
        let page = text(accounts, at: 80)
        #expect(page.contains("title=\"first seen 2026-03-01 14:00:10 UTC\">≥ 1 min 10 s</time>"))
        #expect(page.contains("title=\"since 2026-03-01 14:01:10 UTC\">10 s</time>"))
    }

    @Test func marksStatusesThatLastTooLong() {
        let accounts = [account(nil, [(10, good(.starting)), (590, good(.starting))])]
        #expect(text(accounts, at: 609).contains("<span class=\"label info\">STARTING"))
        #expect(text(accounts, at: 610).contains("<span class=\"label warning\">STARTING"))
    }

    @Test func foldsManyWorkingAccounts() {
        let few = (0..<6).map { account("a\($0)", [(10, good(.working))]) }
        #expect(!text(few, at: 20).contains("account works") && !text(few, at: 20).contains("accounts work"))
        let page = text(few + [account("bad", [(10, bad)])], at: 20)
        let (failing, folded) = (page.firstRange(of: "<h3><bdi>bad<"), page.firstRange(of: "<summary>6 accounts work<"))
        #expect(failing != nil && folded != nil)
        #expect((failing?.lowerBound ?? page.endIndex) < (folded?.lowerBound ?? page.startIndex))
    }

    @Test(arguments: [
        ("", "10,000 instances; the first 500 are shown, trouble first."),
        ("q=99", "280 of 10,000 instances match, trouble first."),
        ("q=NAME-9", "1,111 of 10,000 instances match; the first 500 are shown, trouble first."),
        ("q=9999", "1 of 10,000 instances matches, trouble first."),
    ])
    func cutsALargeAccount(query: String, summary: String) {
        let page = text(
            [account(nil, [(10, .success(list(Array(repeating: .working, count: 10_000))))])], at: 20, query)
        #expect(page.contains("<caption>\(summary)</caption>"))
        #expect(page.split(separator: "<tr ").count <= 502)
        #expect(page.utf8.count < 300_000)
    }

    /// Names of which only those of three digits contain 99.
    private static let manyAccounts = (0..<1_000).map { number in
        account("a\(number)", [(10, number % 100 == 7 ? bad : good(.working))])
    }

    @Test func showsTheFirstOfManyAccounts() {
        let page = text(Self.manyAccounts, at: 20)
        #expect(page.split(separator: "<h3>").count == 1 + StatusPage.maximumAccounts)
        #expect(page.contains("The first 200 of 1,000 accounts are shown, those in trouble first."))
        #expect(page.contains("<summary>990 accounts work</summary>") && page.contains("<bdi>a907</bdi></h3>"))
        #expect(page.contains("<input id=\"account\"") && !page.contains("<select id=\"account\""))
        let down = text((0..<300).map { account("a\($0)", [(10, bad)]) }, at: 20)
        #expect(down.split(separator: "<h3>").count == 201 && !down.contains("<details><summary>0"))
        #expect(down.contains("<input id=\"account\""), "also without an instance there is a filter")
    }

    @Test(arguments: [("a99", ["a99"]), ("A99", ["a99", "a990", "a999"]), ("99", ["a99", "a199", "a990"])])
    func findsAccounts(query: String, names: [String]) {
        let page = text(Self.manyAccounts, at: 20, "account=\(query)")
        for name in names {
            #expect(page.contains("<h3><bdi>\(name)</bdi></h3>") && page.contains("class=\"of\"><bdi>\(name)</bdi>"))
        }
        #expect(!page.contains("<bdi>a1</bdi>"))
        #expect((page.split(separator: "<h3>").count == 2) == (names == ["a99"]))
        #expect(page.contains("value=\"\(query)\"") && !page.contains("accounts are shown"))
        let nowhere = text(Self.manyAccounts, at: 20, "account=x")
        #expect(nowhere.contains("No instance matches.") && nowhere.contains("The first 200 of 1,000 accounts"))
    }

    @Test(arguments: [
        (-1.0, "0 s"), (0, "0 s"), (59.9, "59 s"), (60, "1 min"), (61, "1 min 1 s"), (3599, "59 min 59 s"),
        (3600, "1 h"), (86_399, "23 h 59 min"), (86_400, "1 d"), (90_000, "1 d 1 h"),
    ])
    func writesAgesInTwoUnits(seconds: Double, text: String) {
        #expect(Duration.seconds(seconds).inWords == text)
    }

    @Test(arguments: [(0, "0"), (999, "999"), (1_000, "1,000"), (1_234_567, "1,234,567"), (-12_345, "-12,345")])
    func groupsDigits(number: Int, text: String) {
        #expect(number.grouped == text)
    }
}
