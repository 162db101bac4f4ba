import Basics
import FoundationEssentials
import HTTPServer
import HypersenderAPI
import Monitoring
import Testing

@testable import Settings

struct SettingsTests {
    private func settings(
        _ flags: [String: [String]] = [:], _ environment: [String: String] = ["HYPERSENDER_TOKEN": "1|key"]
    ) throws(SettingsProblems) -> Settings {
        try Settings(GivenValues(flags: flags, environment: environment))
    }

    private func problems(
        _ flags: [String: [String]] = [:], _ environment: [String: String] = ["HYPERSENDER_TOKEN": "1|key"]
    ) -> [String] {
        descriptions(ofProblemsIn: { () throws(SettingsProblems) in try settings(flags, environment) })
    }

    @Test func defaultsAreAsDocumented() throws {
        let settings = try settings()
        #expect(settings.flags.listenAddresses.map(\.description) == [":10058"])
        #expect(settings.flags.telemetryPath == "/metrics")
        #expect(settings.flags.maximumScrapes == 40)
        #expect(!settings.flags.disablesExporterMetrics)
        #expect(
            settings.flags.options.statusSet == .all && settings.flags.logLevel == .info
                && settings.flags.logFormat == .logfmt)
        #expect(settings.flags.options.interval == .seconds(30) && settings.flags.timeout == .seconds(10))
        #expect(settings.flags.options.maximumAge == .seconds(90) && settings.flags.maximumResponseBytes == 64 << 20)
        #expect(
            settings.flags.phone == .off && settings.flags.filter == InstanceFilter()
                && settings.flags.caFile == nil)
        #expect(
            try settings.source
                == .api(
                    baseURL: BaseURL("https://app.hypersender.com/api/whatsapp/v1"),
                    token: .environment(name: "HYPERSENDER_TOKEN", Secret("1|key"))))
        #expect(settings.warnings.isEmpty)
    }

    @Test func flagsWinOverTheEnvironment() throws {
        let environment = [
            "HYPERSENDER_TOKEN": "1|key", "HYPERSENDER_POLL_INTERVAL": "45s",
            "HYPERSENDER_WEB_LISTEN_ADDRESS": ":1,[::1]:2",
            "HYPERSENDER_BASE_URL": "https://env.test", "HYPERSENDER_METRICS_STATUS_SET": "current",
            "HYPERSENDER_LOG_LEVEL": "",
            "HYPERSENDER_WEB_DISABLE_EXPORTER_METRICS": "true", "HYPERSENDER_FILTER_PHONE": "+201",
        ]
        let fromEnvironment = try settings([:], environment)
        #expect(
            fromEnvironment.flags.options.interval == .seconds(45)
                && fromEnvironment.flags.options.maximumAge == .seconds(135))
        #expect(fromEnvironment.flags.listenAddresses.map(\.description) == [":1", "[::1]:2"])
        #expect(fromEnvironment.flags.options.statusSet == .current && fromEnvironment.flags.disablesExporterMetrics)
        #expect(fromEnvironment.flags.filter == InstanceFilter(phone: "+201"))
        let fromFlags = try settings(
            [
                "poll.interval": ["20s"], "web.listen-address": ["127.0.0.1:9", "127.0.0.1:0", "127.0.0.1:0"],
                "hypersender.base-url": ["https://flag.test"],
            ], environment)
        #expect(fromFlags.flags.options.interval == .seconds(20))
        #expect(fromFlags.flags.listenAddresses.map(\.description) == ["127.0.0.1:9", "127.0.0.1:0", "127.0.0.1:0"])
        guard case .api(let url, _) = fromFlags.source else {
            Issue.record("the source is not the API")
            return
        }
        #expect(url.description == "https://flag.test")
    }

    @Test(arguments: [
        ("poll.interval", "0"), ("poll.interval", "0s"), ("poll.interval", "-1"), ("poll.interval", "NaN"),
        ("poll.interval", "60"),
        ("poll.interval", "999ms"), ("poll.interval", "2d"), ("poll.timeout", "0s"), ("poll.timeout", "1h"),
        ("poll.stale-after", "0s"),
        ("poll.max-response-bytes", "0"), ("poll.max-response-bytes", "-1"), ("poll.max-response-bytes", "64MB"),
        ("poll.max-response-bytes", "99999999999999999999"), ("poll.max-response-bytes", "9223372036854775807GiB"),
        ("web.max-requests", "-1"), ("web.max-requests", "many"), ("web.max-requests", ""),
        ("web.listen-address", "10058"),
        ("web.listen-address", ":99999"), ("web.listen-address", ""), ("web.telemetry-path", "metrics"),
        ("web.telemetry-path", "/-/healthy"), ("web.telemetry-path", "/a?b"), ("web.telemetry-path", "/a b"),
        ("hypersender.base-url", "app.hypersender.com"), ("hypersender.base-url", "http://example.test"),
        ("hypersender.filter.status", "working"), ("hypersender.filter.status", "WORKING,"),
        ("hypersender.filter.uuid", " "),
        ("hypersender.filter.name", ""), ("hypersender.token-file", " "), ("hypersender.ca-file", ""),
        ("metrics.status-set", "some"),
        ("metrics.phone", "yes"), ("log.level", "loud"), ("log.format", "xml"), ("web.runbook-url", "wiki.example"),
        ("web.runbook-url", "ftp://wiki.example/"), ("web.runbook-url", "https:///a"),
        ("web.runbook-url", "https://a/b c"),
        ("web.runbook-url", "https://a/b#c"), ("web.runbook-url", "javascript://a/"),
        ("metrics.label", "acme"), ("metrics.label", "=acme"), ("metrics.label", "customer="),
        ("metrics.label", "job=acme"), ("metrics.label", "a-b=acme"), ("metrics.label", ""),
    ])
    func badValuesAreNamed(flag: String, value: String) {
        let found = problems([flag: [value]])
        #expect(found.count == 1)
        #expect(found.first?.hasPrefix("--\(flag): ") == true, "\(found)")
        #expect(found.first?.contains("\"\(value)\"") == true || value.isEmpty, "\(found)")
        // From the environment the variable is named; an empty variable counts as not given.
        let variable = (Flag.byName[flag]?.variable ?? "")
        let fromEnvironment = problems([:], ["HYPERSENDER_TOKEN": "1|key", variable: value])
        #expect(value.isEmpty ? fromEnvironment.isEmpty : fromEnvironment.first?.hasPrefix("\(variable): ") == true)
    }

    @Test func allMistakesAreToldAtOnce() {
        let found = problems(
            ["poll.interval": ["0"], "log.level": ["x"], "web.listen-address": ["nonsense", ":1", ":1"]],
            ["HYPERSENDER_POLL_TIMEOUT": "soon", "HTTPS_PROXY": "ftp://secret@p"])
        #expect(found.count == 7, "\(found)")
        #expect(!found.contains { $0.contains("secret") })
    }

    @Test func aMistakeHidesNoneInTheFilesOfOthers() {
        for (flags, places) in [
            (["hypersender.base-url": ["x"], "hypersender.token-file": ["/no"]], ["--hypersender.base-url", "token"]),
            (["hypersender.ca-file": ["/no"]], ["token", "hypersender.ca-file"]),
        ] {
            let given = GivenValues(flags: flags, environment: [:])
            let error = #expect(throws: ConfigurationError.self) { try Settings.load(given, now: 0) }
            #expect(error?.problems.map(\.place) == places)
        }
    }

    @Test func whatIsWrongHidesNoFile() throws {
        for flags in [
            ["poll.interval": ["0"], "config.file": ["a.yml"]], ["config.file": ["a.yml"], "demo": ["true"]],
            ["config.file": ["a.yml"], "hypersender.token-file": ["b"]],
        ] {
            let diagnostics = Diagnostics()
            let settings = Settings(GivenValues(flags: flags, environment: [:]), diagnostics)
            #expect(!diagnostics.problems.isEmpty && settings.source == .file(path: "a.yml"))
        }
        // Which accounts are this replica's is not known: no key of theirs is missed.
        let flags = ["shard": ["3"], "total-shards": ["2"], "config.file": ["a.yml"], "web.config.file": ["w.yml"]]
        let diagnostics = Diagnostics()
        let settings = Settings(GivenValues(flags: flags, environment: [:]), diagnostics)
        #expect(diagnostics.problems.count == 1 && settings.flags.webConfigFile == "w.yml")
        #expect((0..<50).allSatisfy { !settings.shard.keeps("account-\($0)") })
    }

    @Test func labelsOfTheAccountAddUp() throws {
        let flags = ["metrics.label": ["customer=a=b", "team=x,region=é 1"]]
        let found = try settings(flags, ["HYPERSENDER_TOKEN": "1|key", "HYPERSENDER_METRICS_LABEL": "not=used"])
        #expect(found.flags.options.labels == ["customer": "a=b", "team": "x", "region": "é 1"])
        let variable = try settings([:], ["HYPERSENDER_TOKEN": "1|key", "HYPERSENDER_METRICS_LABEL": "a=1,b=2"])
        #expect(variable.flags.options.labels == ["a": "1", "b": "2"])
        #expect(problems(["metrics.label": ["a=1", "a=2"]]).first?.hasSuffix("\"a=2\" is given twice") == true)
    }

    @Test func runbooksMayBeElsewhere() throws {
        #expect(try settings().flags.runbookURL == nil)
        #expect(try settings(["web.runbook-url": ["http://wiki/x?y"]]).flags.runbookURL == "http://wiki/x?y")
        #expect(try settings(["web.runbook-url": [""]]).flags.runbookURL == nil)
    }

    @Test func withoutATokenTheWaysAreNamed() {
        let found = problems([:], [:])
        #expect(found.count == 1)
        for way in ["HYPERSENDER_TOKEN", "--hypersender.token-file", "--demo"] {
            #expect(found.first?.contains(way) == true)
        }
    }

    @Test(arguments: ["  ", "two words", "Bearer 1|x", "line\nbreak", "\"1|key\"", "TOKEN=1|key", "<key>", "1|key\\n"])
    func unusableTokensAreRejectedAndNotQuoted(token: String) {
        let found = problems([:], ["HYPERSENDER_TOKEN": token])
        #expect(found.count == 1)
        #expect(found.first?.hasPrefix("HYPERSENDER_TOKEN: ") == true)
        #expect(token.allSatisfy(\.isWhitespace) || found.first?.contains(token) == false)
    }

    @Test func theTokenCanBeInAFile() throws {
        let expected = TokenSource.file(path: "/run/token")
        for (flags, environment) in [
            (["hypersender.token-file": ["/run/token"]], [:]), ([:], ["HYPERSENDER_TOKEN_FILE": "/run/token"]),
            // The flag wins over the environment.
            (["hypersender.token-file": ["/run/token"]], ["HYPERSENDER_TOKEN": "1|other"]),
        ] as [([String: [String]], [String: String])] {
            guard case .api(_, let token) = try settings(flags, environment).source else {
                Issue.record("the source is not the API")
                continue
            }
            #expect(token == expected)
        }
        #expect(problems([:], ["HYPERSENDER_TOKEN_FILE": "/run/token", "HYPERSENDER_TOKEN": "1|x"]).count == 1)
        #expect(problems([:], ["HYPERSENDER_TOKEN_FILE": "/run/token", "HYPERSENDER_TOKEN": ""]).isEmpty)
    }

    @Test func systemdMayHandTheTokenOver() throws {
        let folder = ["CREDENTIALS_DIRECTORY": "/run/credentials/x.service"]
        func source(
            _ flags: [String: [String]], _ environment: [String: String]
        ) throws(SettingsProblems) -> Settings.Source {
            try settings(flags, environment.merging(folder) { $1 }).source
        }
        let api = FlagValues.api
        let credential = TokenSource.file(path: "/run/credentials/x.service/token")
        #expect(try source([:], [:]) == .api(baseURL: api, token: credential))
        #expect(
            try source([:], ["HYPERSENDER_TOKEN": "", "HYPERSENDER_TOKEN_FILE": ""])
                == .api(baseURL: api, token: credential))
        // Whatever else names a token, or needs none, wins.
        #expect(
            try source([:], ["HYPERSENDER_TOKEN": "1|key"])
                == .api(baseURL: api, token: .environment(name: "HYPERSENDER_TOKEN", Secret("1|key"))))
        #expect(
            try source([:], ["HYPERSENDER_TOKEN_FILE": "/a"]) == .api(baseURL: api, token: .file(path: "/a")))
        #expect(try source(["hypersender.token-file": ["/a"]], [:]) == .api(baseURL: api, token: .file(path: "/a")))
        #expect(try source(["config.file": ["/a"]], [:]) == .file(path: "/a"))
        #expect(try source([:], ["HYPERSENDER_CONFIG_FILE": "/a"]) == .file(path: "/a"))
        #expect(try source(["demo": ["true"]], [:]) == .demo)
        #expect(problems([:], ["CREDENTIALS_DIRECTORY": ""]).count == 1)
    }

    @Test func onlyAProxyThatIsNeededMustBeUsable() throws {
        let token = ["HYPERSENDER_TOKEN": "1|key"]
        func found(_ environment: [String: String], _ flags: [String: [String]] = [:]) -> [String] {
            problems(flags, environment.merging(token) { $1 })
        }
        let refused = "proxy: HTTPS_PROXY has the scheme ftp: only http and socks5 proxies can be used"
        #expect(found(["HTTPS_PROXY": "ftp://p"]) == [refused])
        #expect(found(["HTTP_PROXY": "ftp://p"]).isEmpty)
        #expect(found(["HTTPS_PROXY": "ftp://p", "NO_PROXY": ".hypersender.com"]).isEmpty)
        #expect(found(["HTTPS_PROXY": "ftp://p"], ["hypersender.base-url": ["https://127.0.0.1"]]).isEmpty)
        #expect(found(["HTTPS_PROXY": "ftp://p"], ["demo": ["true"]]).isEmpty)
        // Told besides a missing token.
        #expect(problems([:], ["HTTPS_PROXY": "ftp://p"]).count == 2)
        // Of the accounts of a file nothing is known here.
        #expect(problems(["config.file": ["/a"]], ["HTTPS_PROXY": "ftp://p"]).isEmpty)
    }

    @Test func proxyExceptionsWithoutEffectAreSaid() throws {
        let environment = ["HYPERSENDER_TOKEN": "1|key", "NO_PROXY": "a.test 10.0.0.0/99,'b.test'"]
        let warnings = try settings([:], environment).warnings.map(\.description)
        #expect(warnings.count == 2)
        #expect(warnings.first?.hasPrefix("NO_PROXY: \"10.0.0.0/99\" can never match") == true)
        #expect(warnings.last?.hasPrefix("NO_PROXY: \"'b.test'\" can never match") == true)
        #expect(try settings(["demo": ["true"]], environment).warnings.isEmpty)
    }

    @Test func theDemoNeedsNothing() throws {
        let demo = try settings(["demo": ["true"]], ["HYPERSENDER_TOKEN": "1|not used"])
        #expect(demo.source == .demo)
        #expect(demo.flags.listenAddresses.map(\.description) == ["127.0.0.1:10058"])
        #expect(demo.flags.options.interval == .seconds(5) && demo.warnings.isEmpty)
        #expect(try settings(["demo": ["true"], "poll.interval": ["1s"]], [:]).flags.options.interval == .seconds(1))
        #expect(
            problems(["demo": ["true"], "hypersender.token-file": ["x"], "hypersender.base-url": ["https://h.test"]])
                .count == 2)
        #expect(problems([:], ["HYPERSENDER_DEMO": "perhaps", "HYPERSENDER_TOKEN": "1|x"]).count == 1)
    }

    @Test func whatIsProbablyNotMeantIsSaid() throws {
        #expect(try settings(["poll.interval": ["9s"]]).warnings.count == 1)
        #expect(try settings(["poll.stale-after": ["30s"]]).warnings.count == 1)
        #expect(try settings(["poll.interval": ["10s"], "poll.stale-after": ["20s"]]).warnings.isEmpty)
        for (flag, value, text) in [
            ("poll.timeout", "31s", "longer than the poll interval"),
            ("hypersender.filter.status", "WORKING", "vanishes"),
            ("hypersender.base-url", "https://h.test/api/instances", "ends in /instances"),
        ] {
            let warnings = try settings([flag: [value]]).warnings
            #expect(warnings.map(\.place) == ["--\(flag)"] && warnings.first?.problem.contains(text) == true)
        }
        let twice = try settings(["hypersender.token-file": ["/run/token"]]).warnings
        #expect(twice.map(\.place) == ["HYPERSENDER_TOKEN"])
    }

    @Test func onlyAFileCanBeFollowed() throws {
        #expect(problems(["config.auto-reload": ["true"]]).map { $0.prefix(21) } == ["--config.auto-reload:"])
        #expect(try settings(["config.auto-reload": ["true"], "config.file": ["/a"]], [:]).flags.reloadsOnChange)
    }

    /// Variables that accounts name are known, and so is every one while the file cannot be read.
    @Test func unknownVariablesAreToldBesidesOtherMistakes() throws {
        func mistakes(_ flags: [String: [String]], _ environment: [String: String]) -> [String] {
            do throws(ConfigurationError) {
                _ = try Settings.load(GivenValues(flags: flags, environment: environment), now: 0)
                return []
            } catch {
                return error.problems.map(\.place)
            }
        }
        #expect(mistakes([:], ["HYPERSENDER_TOKN": "1|x"]) == ["token", "HYPERSENDER_TOKN"])
        let file = FileManager.default.temporaryDirectory.path + "/accounts-\(UInt64.random(in: 0...UInt64.max)).yml"
        defer { try? FileManager.default.removeItem(atPath: file) }
        let text = "accounts: [{name: a, token_env: HYPERSENDER_A, base_url: \"http://127.0.0.1:9\"}]\n"
        try Data(text.utf8).write(to: URL(filePath: file))
        let environment = ["HYPERSENDER_A": "1|x", "HYPERSENDER_B": "1|x"]
        #expect(mistakes(["config.file": [file]], environment) == ["HYPERSENDER_B"])
        #expect(mistakes(["config.file": ["\(file)-nowhere"]], environment) == ["\(file)-nowhere"])
    }

    @Test(arguments: [("1024", 1024), ("1KiB", 1024), ("64MiB", 64 << 20), ("4GiB", 4 << 30)])
    func sizesMayHaveAUnit(text: String, bytes: Int) throws {
        #expect(try settings(["poll.max-response-bytes": [text]]).flags.maximumResponseBytes == bytes)
    }

    @Test(arguments: [
        ("poll.interval", "HYPERSENDER_POLL_INTERVAL"), ("hypersender.base-url", "HYPERSENDER_BASE_URL"),
        ("hypersender.filter.uuid", "HYPERSENDER_FILTER_UUID"),
        ("web.listen-address", "HYPERSENDER_WEB_LISTEN_ADDRESS"),
        ("demo", "HYPERSENDER_DEMO"),
    ])
    func variablesAreNamedAfterFlags(flag: String, variable: String) {
        #expect((Flag.byName[flag]?.variable ?? "") == variable)
    }
}
