import Basics
import FoundationEssentials
import HypersenderAPI
import Monitoring
import Testing

@testable import Settings

struct AccountsFileTests {
    private let environment = ["GLOBEX_TOKEN": "2|globex", "EMPTY": "", "BROKEN": "a b"]

    private func settings(
        _ flags: [String: [String]] = [:], _ more: [String: String] = [:]
    ) throws -> Settings {
        try Settings(
            GivenValues(
                flags: ["config.file": ["accounts.yml"]].merging(flags) { $1 },
                environment: environment.merging(more) { $1 }, hostName: "exporter-1"))
    }

    /// Reads a file, as if it were at the path.
    private func read(
        _ text: String, path: String = "accounts.yml", _ settings: Settings
    ) -> (accounts: [AccountSettings], diagnostics: Diagnostics) {
        let diagnostics = Diagnostics(file: path)
        var file = AccountsFile(settings, diagnostics)
        return (file.read(Array(text.utf8)), diagnostics)
    }

    private func read(_ text: String, _ flags: [String: [String]] = [:]) throws -> [AccountSettings] {
        let (accounts, diagnostics) = read(text, try settings(flags))
        try diagnostics.throwProblems()
        return accounts
    }

    private func problems(_ text: String, _ flags: [String: [String]] = [:]) throws -> [String] {
        do {
            _ = try read(text, flags)
            return []
        } catch let error as SettingsProblems {
            return error.problems.map(\.description)
        }
    }

    @Test func everyKeyIsRead() throws {
        let folder = FileManager.default.temporaryDirectory.path + "/accounts-\(UInt64.random(in: 0...UInt64.max))"
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(atPath: folder) }
        try Data("1|acme\n".utf8).write(to: URL(filePath: "\(folder)/acme.token"))
        let text = """
            # Two accounts.
            accounts:
              - name: acme
                token_file: acme.token
                filter: {status: "WORKING,FAILED", name: shop, phone: "+201", uuid: x}
              - name: "globex ☎"
                token_env: GLOBEX_TOKEN
                base_url: https://app.hypersender.com/api/whatsapp/v2
                poll_interval: 45s
                poll_timeout: 5s
                labels: {team: support, customer: 'A, "B" & C', tier: 1, unused: ~}
            """
        let (accounts, diagnostics) = read(text, path: "\(folder)/accounts.yml", try settings())
        try diagnostics.throwProblems()
        #expect(accounts.map(\.options.name) == ["acme", "globex ☎"])
        #expect(accounts[0].request.token == .file(path: "\(folder)/acme.token"))
        #expect(try accounts[0].request.token.read() == Secret("1|acme"))
        #expect(
            accounts[0].request.filter
                == InstanceFilter(uuid: "x", name: "shop", phone: "+201", status: "WORKING,FAILED"))
        #expect(accounts[0].options.interval == .seconds(30) && accounts[0].options.maximumAge == .seconds(90))
        #expect(accounts[0].request.baseURL.description == FlagValues.api.description)
        #expect(try accounts[1].request.token == .environment(name: "GLOBEX_TOKEN", Secret("2|globex")))
        #expect(accounts[1].request.baseURL.description == "https://app.hypersender.com/api/whatsapp/v2")
        #expect(accounts[1].options.interval == .seconds(45) && accounts[1].options.maximumAge == .seconds(135))
        #expect(accounts[1].request.timeout == .seconds(5) && accounts[1].request.filter == InstanceFilter())
        #expect(
            accounts.map(\.options.labels) == [[:], ["team": "support", "customer": "A, \"B\" & C", "tier": "1"]])
    }

    @Test func labelsOfFlagsAreOnEveryAccountAndWin() throws {
        let text = """
            accounts:
              - {name: a, token_env: GLOBEX_TOKEN, labels: {customer: x, region: eu}}
              - {name: b, token_env: GLOBEX_TOKEN}
            """
        let accounts = try read(text, ["metrics.label": ["region=us"]])
        #expect(accounts.map(\.options.labels) == [["customer": "x", "region": "us"], ["region": "us"]])
    }

    /// A reload leaves an account alone whose settings are written otherwise, and are the same.
    @Test func defaultsThatAreGivenChangeNothing() throws {
        let accounts = try ["", ", poll_interval: 30s, poll_stale_after: 90s, poll_timeout: 10s"].map {
            try read("accounts:\n  - {name: a, token_env: GLOBEX_TOKEN\($0)}\n")
        }
        #expect(accounts[0].count == 1 && accounts[0] == accounts[1])
    }

    @Test func flagsWinOverTheFile() throws {
        let text = """
            accounts:
              - {name: a, token_env: GLOBEX_TOKEN, poll_interval: 45s, poll_stale_after: 5m, base_url: "https://file.test"}
              - {name: b, token_env: GLOBEX_TOKEN, filter: {name: x, status: FAILED}, poll_timeout: 3s}
            """
        let accounts = try read(
            text,
            [
                "poll.interval": ["20s"], "hypersender.base-url": ["https://flag.test"],
                "hypersender.filter.status": ["WORKING"],
            ])
        #expect(accounts.map(\.options.interval) == [.seconds(20), .seconds(20)])
        #expect(accounts.map(\.options.maximumAge) == [.seconds(300), .seconds(60)])
        #expect(accounts.map(\.request.baseURL.description) == ["https://flag.test", "https://flag.test"])
        #expect(accounts.map(\.request.filter.status) == ["WORKING", "WORKING"])
        #expect(accounts.map(\.request.filter.name) == [nil, "x"])
        #expect(accounts.map(\.request.timeout) == [.seconds(10), .seconds(3)])
    }

    /// Each with the places and beginnings of what is said of it.
    @Test(
        arguments: [
            ("", ["accounts.yml:1: accounts: is missing"]),
            ("accounts:\n", ["accounts.yml:1: accounts: is missing"]),
            ("accounts: []\n", ["accounts.yml:1: accounts: is empty"]),
            ("accounts: {a: 1}\n", ["accounts.yml:1: accounts: must be a list"]),
            ("- a\n", ["accounts.yml:1: must be a mapping"]),
            ("accounts:\n  - acme\n", ["accounts.yml:2: accounts[0]: must be a mapping"]),
            ("accounts:\n  - name: a\n", ["accounts.yml:2: accounts[0].token_file: is missing"]),
            ("accounts:\n  - token_env: GLOBEX_TOKEN\n", ["accounts.yml:2: accounts[0].name: is missing"]),
            (
                "accounts:\n  - name: a\n    token_env: GLOBEX_TOKEN\n    token_file: x\n",
                ["accounts.yml:3: accounts[0].token_env: is given besides token_file"]
            ),
            (
                "accounts:\n  - name: a\n    token_env: NOBODY\n  - name: b\n    token_env: EMPTY\n  - name: c\n    token_env: BROKEN\n",
                [
                    "accounts.yml:3: accounts[0].token_env: the environment variable \"NOBODY\" is not set",
                    "accounts.yml:5: accounts[1].token_env: the environment variable \"EMPTY\" is not set",
                    "accounts.yml:7: accounts[2].token_env: the environment variable \"BROKEN\" ",
                ]
            ),
            (
                "accounts:\n  - name: a\n    token_file: nowhere.token\n",
                ["accounts.yml:3: accounts[0].token_file: the token file \"nowhere.token\" cannot be opened"]
            ),
            (
                "accounts:\n  - {name: a, token_env: GLOBEX_TOKEN}\n  - {name: a, token_env: GLOBEX_TOKEN}\n",
                ["accounts.yml:3: accounts[1].name: is the name of the account in line 2 too"]
            ),
            (
                "accounts:\n  - name: a\n    tokenfile: x\n    intervall: 3\n",
                [
                    "accounts.yml:2: accounts[0].token_file: is missing",
                    "accounts.yml:3: accounts[0].tokenfile: unknown key; did you mean token_file?",
                    "accounts.yml:4: accounts[0].intervall: unknown key",
                ]
            ),
            (
                "accounts:\n  - name: a\n    token_env: GLOBEX_TOKEN\n    poll_interval: 0s\n    poll_timeout: soon\n    base_url: ftp://x\n"
                    + "    filter: {status: BUSY, colour: red}\nshards: 3\n",
                [
                    "accounts.yml:4: accounts[0].poll_interval: \"0s\" is out of range",
                    "accounts.yml:5: accounts[0].poll_timeout: \"soon\" is not a duration",
                    "accounts.yml:6: accounts[0].base_url: \"ftp://x\" has the scheme ftp",
                    "accounts.yml:7: accounts[0].filter.status: \"BUSY\" is not one or more of",
                    "accounts.yml:7: accounts[0].filter.colour: unknown key",
                    "accounts.yml:8: shards: unknown key",
                ]
            ),
            ("accounts: [\n", ["accounts.yml:2: "]),
            // A part that YAML refuses does not hide the rest, and does not count as missing.
            (
                "accounts:\n  - name: a\n    name: b\n    token_file: *no\n    colour: red\n  - &x {name: c, token_env: NOBODY}\n"
                    + "  - <<: *x\n    name: d\n  - !thing {name: e, token_env: GLOBEX_TOKEN}\nshards: 3\n",
                [
                    "accounts.yml:3: name: is given twice, first in line 2",
                    "accounts.yml:4: an alias refers to nothing above it",
                    "accounts.yml:5: accounts[0].colour: unknown key",
                    "accounts.yml:6: accounts[1].token_env: the environment variable \"NOBODY\" is not set",
                    "accounts.yml:6: accounts[2].token_env: the environment variable \"NOBODY\" is not set",
                    "accounts.yml:7: merge keys (<<) are not supported",
                    "accounts.yml:9: has a tag that is not known here",
                    "accounts.yml:10: shards: unknown key",
                ]
            ),
            (
                "accounts:\n  - name: a\n    token_env: GLOBEX_TOKEN\n    labels:\n      status: x\n      a-b: x\n      c: ''\n"
                    + "      d: [x]\n  - {name: b, token_env: GLOBEX_TOKEN, labels: x}\n",
                [
                    "accounts.yml:5: accounts[0].labels.status: must have another name",
                    "accounts.yml:6: accounts[0].labels.a-b: must have a name of ASCII letters",
                    "accounts.yml:7: accounts[0].labels.c: has a blank value",
                    "accounts.yml:8: accounts[0].labels.d: must be a single value",
                    "accounts.yml:9: accounts[1].labels: must be a mapping",
                ]
            ),
            (
                "accounts:\n  - {name: \"a\\u0007\", token_env: GLOBEX_TOKEN}\n",
                ["accounts.yml:2: accounts[0].name: must have no more than 128 characters"]
            ),
        ] as [(String, [String])])
    func everyMistakeIsSaidWithItsPlace(text: String, expected: [String]) throws {
        let problems = try problems(text)
        #expect(problems.count == expected.count, "\(problems)")
        for (problem, beginning) in zip(problems, expected) {
            #expect(problem.hasPrefix(beginning), "\(problem)")
        }
    }

    @Test func whatIsProbablyNotMeantIsSaid() throws {
        let text = """
            accounts:
              - {name: a, token_env: GLOBEX_TOKEN, filter: {name: a}, poll_interval: 9s}
              - {name: b, token_env: GLOBEX_TOKEN, filter: {name: b}, poll_interval: 60s, poll_stale_after: 30s}
              - {name: c, token_env: GLOBEX_TOKEN, filter: {name: c}, poll_stale_after: 3m}
              - {name: d, token_env: GLOBEX_TOKEN, filter: {name: d}, poll_interval: 5m}
            """
        func warnings(_ flags: [String: [String]]) throws -> [String] {
            read(text, path: "f.yml", try settings(flags)).diagnostics.warnings.map {
                String("\($0)".prefix { $0 != "'" })
            }
        }
        #expect(
            try warnings([:]) == [
                "f.yml:2: accounts[0].poll_interval: the API",
                "f.yml:3: accounts[1].poll_stale_after: \(FlagValues.tooShort)",
            ])
        // Of a flag that wins, the flag's own warning is enough.
        #expect(try warnings(["poll.interval": ["9s"], "poll.stale-after": ["9s"]]).isEmpty)
        #expect(
            try warnings(["poll.stale-after": ["2m"]]).last
                == "f.yml:5: accounts[3].poll_interval: \(FlagValues.tooShort); see --poll.stale-after")
    }

    @Test func accountsThatSeeTheSameAreSaid() throws {
        let folder = FileManager.default.temporaryDirectory.path + "/accounts-\(UInt64.random(in: 0...UInt64.max))"
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(atPath: folder) }
        // The key counts, wherever it comes from.
        try Data("2|globex\n".utf8).write(to: URL(filePath: "\(folder)/token"))
        try FileManager.default.setAttributes([.posixPermissions: 0o600], ofItemAtPath: "\(folder)/token")
        let text = """
            accounts:
              - {name: a, token_env: GLOBEX_TOKEN}
              - {name: b, token_env: GLOBEX_TOKEN, filter: {name: x}}
              - {name: c, token_env: GLOBEX_TOKEN, base_url: "https://other.test"}
              - {name: d, token_file: token, base_url: "https://APP.hypersender.com:443/api/whatsapp/v1/"}
              - {name: e, token_env: OTHER}
              - {name: f, token_env: GLOBEX_TOKEN, filter: {name: x}, poll_interval: 30s}
              - {name: g, token_env: GLOBEX_TOKEN}
            """
        func warnings(_ flags: [String: [String]]) throws -> [String] {
            let settings = try settings(flags, ["OTHER": "3|other"])
            return read(text, path: "\(folder)/f.yml", settings).diagnostics.warnings.map {
                "\($0)".replacing("\(folder)/", with: "")
            }
        }
        let same = { (line: Int, index: Int, name: String, other: String) in
            "f.yml:\(line): accounts[\(index)].name: \"\(name)\" has the same key, base URL and filter as \(other):"
                + " the same instances are polled and alerted on twice"
        }
        #expect(
            try warnings([:]) == [
                same(5, 3, "d", "\"a\" in line 2"), same(7, 5, "f", "\"b\" in line 3"),
                same(8, 6, "g", "\"a\" in line 2"),
            ])
        // As the flags have it.
        #expect(
            try warnings(["hypersender.base-url": ["https://h.test"], "hypersender.filter.name": ["x"]]).count
                == 5)
    }

    @Test func onlyAProxyThatIsNeededMustBeUsable() throws {
        func problems(_ url: String, _ flags: [String: [String]] = [:]) throws -> [String] {
            let settings = try settings(flags, ["HTTPS_PROXY": "ftp://p", "NO_PROXY": "direct.test"])
            let text = """
                accounts:
                  - {name: a, token_env: GLOBEX_TOKEN, base_url: "https://direct.test"}
                  - {name: b, token_env: GLOBEX_TOKEN, base_url: "\(url)"}
                  - {name: c, token_env: GLOBEX_TOKEN, base_url: "\(url)"}
                """
            return read(text, path: "f.yml", settings).diagnostics.problems.map(\.description)
        }
        #expect(
            try problems("https://api.test")
                == ["proxy: HTTPS_PROXY has the scheme ftp: only http and socks5 proxies can be used"])
        #expect(try problems("https://api.direct.test").isEmpty)
        #expect(try problems("http://127.0.0.1:9").isEmpty)
        #expect(try problems("https://api.test", ["hypersender.base-url": ["https://direct.test"]]).isEmpty)
    }

    @Test func tenThousandAccountsAreRead() throws {
        let text =
            "accounts:\n"
            + (0..<10_000).map {
                """
                  - name: account-\($0)
                    token_env: GLOBEX_TOKEN
                    filter: {name: sales}

                """
            }.joined()
        #expect(try read(text).count == 10_000)
    }

    @Test func aKeyOfTheFileIsNeverQuoted() throws {
        let secret = "123|abcdefghijklmnopqrstuvwxyz"
        for text in [
            "accounts:\n  - {name: a, token: \"\(secret)\"}\n", "accounts:\n  - {name: a, token_env: \"\(secret)\"}\n",
            "accounts:\n  - {name: a, token_file: \"\(secret)\"}\n", "accounts: \"\(secret)\"\n",
            "accounts:\n  - {name: a, token_env: GLOBEX_TOKEN, base_url: \"\(secret)\"}\n", "\(secret): 1\n",
        ] {
            let problems = try problems(text)
            #expect(!problems.isEmpty)
            #expect(!problems.joined().contains("abcdefghijklmnopqrstuvwxyz"), "\(problems)")
        }
    }

    @Test func eachShardTakesItsOwn() throws {
        let text =
            "accounts:\n" + (0..<60).map { "  - {name: account-\($0), token_env: GLOBEX_TOKEN}\n" }.joined()
        let shards = try (0..<3).map {
            try read(text, ["shard": ["\($0)"], "total-shards": ["3"]]).compactMap(\.options.name)
        }
        #expect(shards.joined().count == 60 && Set(shards.joined()).count == 60)
        #expect(shards.allSatisfy { !$0.isEmpty })
        // The host is called exporter-1.
        let byHost = try read(text, ["shard-from-hostname": ["true"], "total-shards": ["3"]]).compactMap(\.options.name)
        #expect(byHost == shards[1])
    }

    /// Replicas and shards of the same accounts have the same hash, on each machine.
    @Test func hashesTheConfiguration() throws {
        func hash(_ entries: String..., flags: [String: [String]] = [:]) throws -> UInt64 {
            var file = AccountsFile(try settings(flags), Diagnostics(file: ""))
            _ = file.read(Array(("accounts:\n" + entries.map { "  - {\($0)}\n" }.joined()).utf8))
            return Configuration.hash(file.texts)
        }
        let (acme, globex) = ("name: acme, token_env: GLOBEX_TOKEN", "name: globex, token_env: GLOBEX_TOKEN")
        let both = try hash(acme, globex)
        #expect(UInt64(Double(both)) == both)
        #expect(try hash(globex, acme) == both)
        let labels = ["a: 1", "b: 2", "c: 3", "d: 4"]
        let labelled = try hash("\(acme), labels: {\(labels.joined(separator: ", "))}")
        #expect(try hash("\(acme), labels: {\(labels.reversed().joined(separator: ", "))}") == labelled)
        #expect(try hash(acme) != labelled)
        for shard in 0..<3 {
            #expect(try hash(acme, globex, flags: ["shard": ["\(shard)"], "total-shards": ["3"]]) == both)
        }
        #expect(try hash(acme, "name: globex, token_file: /nowhere") == both, "keys do not count")
        #expect(try hash(acme, "\(globex), poll_interval: 30s") == both, "the default, given")
        let others = [
            try hash(acme), try hash(acme, globex.replacing("globex,", with: "initech,")),
            try hash(acme, "\(globex), poll_interval: 31s"), try hash("\(acme), poll_interval: 31s", globex),
            try hash(acme, globex, flags: ["poll.interval": ["31s"]]),
            try hash(acme, "\(globex), base_url: https://a.example"),
            try hash(acme, "\(globex), filter: {status: FAILED}"),
            try hash(acme, "\(globex), filter: {name: FAILED}"),
        ]
        #expect(Set(others + [both]).count == 9)
    }

    @Test func keysOfOtherShardsNeedNotBeThere() throws {
        let text = "accounts:\n" + (0..<20).map { "  - {name: account-\($0), token_file: nowhere}\n" }.joined()
        let missing = try (0..<3).map { try problems(text, ["shard": ["\($0)"], "total-shards": ["3"]]).count }
        #expect(missing.reduce(0, +) == 20 && missing.allSatisfy { $0 > 0 && $0 < 20 })
    }

    @Test(
        arguments: [
            (["shard": ["0"]], "--shard: only the accounts of a --config.file"),
            (["total-shards": ["2"]], "--total-shards: only the accounts of a --config.file"),
            (["config.file": ["x"], "shard": ["2"], "total-shards": ["2"]], "--shard: is 2, and there are 2 shards"),
            (["config.file": ["x"], "shard": ["1"]], "--shard: is 1, and there are 1 shards"),
            (["config.file": ["x"], "shard": ["-1"]], "--shard: \"-1\" is not a whole number"),
            (["config.file": ["x"], "total-shards": ["0"]], "--total-shards: \"0\" is out of range"),
            (
                ["config.file": ["x"], "shard-from-hostname": ["true"], "shard": ["0"], "total-shards": ["2"]],
                "--shard: cannot be combined with --shard-from-hostname"
            ),
            (
                ["config.file": ["x"], "shard-from-hostname": ["true"]],
                "--shard-from-hostname: is 1, and there are 1 shards"
            ),
            (["config.file": ["x"], "hypersender.token-file": ["y"]], "--hypersender.token-file: cannot be combined"),
            (["config.file": ["x"], "demo": ["true"]], "--config.file: cannot be combined with --demo"),
            (["config.file": [" "]], "--config.file: \" \" is blank"),
        ] as [([String: [String]], String)])
    func flagsThatDoNotFit(flags: [String: [String]], problem: String) {
        do throws(SettingsProblems) {
            _ = try Settings(
                GivenValues(flags: flags, environment: ["HYPERSENDER_TOKEN": "1|x"], hostName: "exporter-1"))
            Issue.record("accepted")
        } catch {
            #expect(error.problems.contains { "\($0)".hasPrefix(problem) }, "\(error.problems)")
        }
    }

    @Test func aSwitchThatIsSetToFalseIsNotGiven() throws {
        let environment = ["HYPERSENDER_TOKEN": "1|x", "HYPERSENDER_SHARD_FROM_HOSTNAME": "false"]
        let shard = try Settings(GivenValues(flags: [:], environment: environment, hostName: "laptop")).shard
        #expect(shard == Shard(index: 0, total: 1))
    }

    @Test func aHostWithoutANumberIsNoShard() {
        do throws(SettingsProblems) {
            _ = try Settings(
                GivenValues(
                    flags: ["config.file": ["x"], "shard-from-hostname": ["true"], "total-shards": ["2"]],
                    environment: [:], hostName: "laptop"))
            Issue.record("accepted")
        } catch {
            #expect(error.problems.map(\.description).first?.contains("\"laptop\" does not end in a number") == true)
        }
    }
}
