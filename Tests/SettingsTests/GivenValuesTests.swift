import Testing

@testable import Settings

struct GivenValuesTests {
    /// The flags understood in a command line with mistakes, and the mistakes.
    @Test(
        arguments: [
            (
                ["--poll.intervall=1s", "--config.file=a.yml"], ["config.file": ["a.yml"]],
                ["--poll.intervall: unknown flag; did you mean --poll.interval?"]
            ),
            (
                ["--poll.interval", "5s", "--nonsense", "x", "start", "--config.file", "a.yml"],
                ["poll.interval": ["5s"], "config.file": ["a.yml"]],
                ["--nonsense: unknown flag", "start: unexpected argument"]
            ),
            (
                ["--config.check", "--poll.timeout"], ["config.check": ["true"]],
                ["--poll.timeout: needs a value: --poll.timeout=duration"]
            ),
            (["--demo=yes", "--log.level=debug"], ["log.level": ["debug"]], ["--demo: takes no value"]),
            (["-x", "y", "--demo"], ["demo": ["true"]], ["-x: unknown flag"]),
        ] as [([String], [String: [String]], [String])])
    func reportsEveryMistakeAndReadsTheRest(arguments: [String], flags: [String: [String]], expected: [String]) {
        let parsed = GivenValues(arguments, environment: [:], hostName: "")
        #expect(parsed.flags == flags)
        #expect(parsed.mistakes.map(\.description) == expected)
    }

    @Test(
        arguments: [
            (["--web.runbook-url="], ["web.runbook-url": [""]]),
            (["--web.runbook-url", ""], ["web.runbook-url": [""]]),
            (["--hypersender.filter.name=a=b"], ["hypersender.filter.name": ["a=b"]]),
            (["--hypersender.filter.name", "-b"], ["hypersender.filter.name": ["-b"]]),
            (
                ["--web.listen-address=:1", "--web.listen-address", ":2", "--demo"],
                ["web.listen-address": [":1", ":2"], "demo": ["true"]]
            ),
        ] as [([String], [String: [String]])])
    func readsValuesInEitherForm(arguments: [String], flags: [String: [String]]) {
        let parsed = GivenValues(arguments, environment: [:], hostName: "")
        #expect(parsed.flags == flags && parsed.mistakes.isEmpty && !parsed.asksForHelp && !parsed.asksForVersion)
    }

    @Test func recognizesHelpAndVersion() {
        func parsed(_ arguments: String...) -> GivenValues { GivenValues(arguments, environment: [:], hostName: "") }
        #expect(parsed("--demo", "--help").asksForHelp && parsed("-h").asksForHelp)
        #expect(parsed("--version").asksForVersion)
    }

    @Test func neverShowsAKeyInTheWrongPlace() {
        let arguments = [
            "--hypersender.token=4711|abcdefghijklmnopqrstuvwxyz0123", "4711|abcdefghijklmnopqrstuvwxyz0123",
        ]
        let parsed = GivenValues(arguments, environment: [:], hostName: "")
        #expect(parsed.mistakes.count == 2 && !"\(parsed.mistakes)".contains("abcdefghijklmnop"))
    }

    @Test(arguments: ["--hypersender.token", "--token"])
    func saysThatNoFlagTakesTheKey(flag: String) {
        for arguments in [["\(flag)=1|key"], [flag, "1|key"]] {
            let mistakes = GivenValues(arguments, environment: [:], hostName: "").mistakes
            #expect(mistakes.map(\.place) == [flag])
            for text in ["no flag takes the API key", "HYPERSENDER_TOKEN,", "--hypersender.token-file"] {
                #expect(mistakes.first?.problem.contains(text) == true)
            }
        }
    }

    @Test(
        arguments: [
            ("HYPERSENDER_TOKN", "unknown variable; did you mean HYPERSENDER_TOKEN?"),
            ("HYPERSENDER_POLL_INTERVALL", "unknown variable; did you mean HYPERSENDER_POLL_INTERVAL?"),
            ("HYPERSENDER_NONSENSE", "unknown variable"), ("HYPERSENDER_TOKEN", nil), ("HYPERSENDER_DEMO", nil),
            ("HYPERSENDER_ACME", nil), ("HTTPS_PROXY", nil), ("OTHER_HYPERSENDER_X", nil),
            // Of a service in Kubernetes.
            ("HYPERSENDER_EXPORTER_SERVICE_HOST", nil), ("HYPERSENDER_EXPORTER_SERVICE_PORT", nil),
            ("HYPERSENDER_EXPORTER_SERVICE_PORT_METRICS", nil), ("HYPERSENDER_EXPORTER_PORT", nil),
            ("HYPERSENDER_EXPORTER_PORT_10058_TCP_ADDR", nil),
        ] as [(String, String?)])
    func reportsUnknownVariables(name: String, problem: String?) {
        func problems(_ value: String) -> [SettingsProblem] {
            let diagnostics = Diagnostics()
            let given = GivenValues([], environment: [name: value], hostName: "")
            given.reportUnknownVariables(besides: ["HYPERSENDER_ACME"], diagnostics)
            return diagnostics.problems
        }
        #expect(problems("x") == (problem.map { [SettingsProblem(name, $0)] } ?? []))
        #expect(problems("").isEmpty)
    }
}
