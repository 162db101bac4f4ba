import Testing

@testable import hypersender_exporter

struct CommandLineTests {
    /// What is understood of a command line that is refused as a whole, and the beginnings of what is said of the rest.
    @Test(
        arguments: [
            (
                ["--poll.intervall=1s", "--config.file=a.yml"], ["config.file": ["a.yml"]],
                ["Unknown option '--poll.intervall'"]
            ),
            (
                ["--poll.interval", "5s", "--nonsense", "x", "start", "--config.file", "a.yml"],
                ["poll.interval": ["5s"], "config.file": ["a.yml"]],
                ["Unknown option '--nonsense'", "Unexpected argument 'start'"]
            ),
            (["--config.check", "--poll.timeout"], ["config.check": ["true"]], ["Missing value for '--poll.timeout"]),
            (
                ["--demo=yes", "--log.level=debug"], ["log.level": ["debug"]],
                ["The option '--demo' does not take any value"]
            ),
        ] as [([String], [String: [String]], [String])])
    func whatIsNotUnderstoodHidesNothing(arguments: [String], flags: [String: [String]], expected: [String]) throws {
        let (command, mistakes) = try ExporterCommand.understand(arguments)
        #expect(command.flags == flags)
        #expect(mistakes.count == expected.count, "\(mistakes)")
        for (mistake, beginning) in zip(mistakes, expected) {
            #expect(mistake.hasPrefix(beginning), "\(mistake)")
        }
    }

    @Test func aKeyInTheWrongPlaceIsNotShown() throws {
        let (_, mistakes) = try ExporterCommand.understand([
            "--hypersender.token=4711|abcdefghijklmnopqrstuvwxyz0123", "4711|abcdefghijklmnopqrstuvwxyz0123",
        ])
        #expect(mistakes.count == 2 && !mistakes.joined().contains("abcdefghijklmnop"))
    }
}
