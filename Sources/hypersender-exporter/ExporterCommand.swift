import ArgumentParser
import Basics
import Glibc
import HypersenderAPI
import Settings

/// The program's command line.
@main
struct ExporterCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "hypersender-exporter",
        abstract: "Prometheus exporter for WhatsApp instances run through Hypersender.",
        discussion: """
            Polls the Hypersender API in the background and serves what it knows at /metrics. The API key comes from \
            HYPERSENDER_TOKEN or from --hypersender.token-file; --demo needs none.

            Every flag also reads an environment variable: --poll.interval is HYPERSENDER_POLL_INTERVAL, \
            --hypersender.base-url is HYPERSENDER_BASE_URL. Flags win. Durations are written like 30s or 1m30s.
            """,
        version: BuildInformation.description)

    @OptionGroup(title: "Web")
    var web: WebFlags

    @OptionGroup(title: "Hypersender")
    var hypersender: HypersenderFlags

    @OptionGroup(title: "Polls and metrics")
    var polls: PollFlags

    @OptionGroup(title: "Several accounts")
    var accounts: ConfigurationFlags

    @OptionGroup(title: "Log")
    var log: LogFlags

    @Flag(
        name: .customLong("demo"),
        help: "Watch a built-in simulated account, which needs no token, on loopback, polled every 5s unless set.")
    var demo = false

    @Flag(
        name: .customLong("healthcheck"),
        help: "Ask the running exporter of the same flags whether it serves, and exit with 0 if it does, else with 1.")
    var healthCheck = false

    /// Reads the command line and runs.
    ///
    /// The main thread waits, and is not `async`: it would end as a thread otherwise, and the first thread to end lets the C runtime sort the
    /// unwinding tables of the whole program, which is as much work as all the rest of starting.
    static func main() {
        ProcessSetup.apply()
        Task.detached {
            await start()
        }
        while true {
            pause()
        }
    }

    private static func start() async -> Never {
        // The parser takes an empty value only as an argument of its own.
        let arguments = HealthCheck.arguments(
            own: Array(CommandLine.arguments.dropFirst()), program: CommandLine.arguments.first ?? "",
            ofFirstProcess: HealthCheck.firstProcess()
        ).flatMap {
            $0 == "--web.runbook-url=" ? ["--web.runbook-url", ""] : [$0]
        }
        do {
            let command: ExporterCommand
            var mistakes: [String] = []
            do {
                command = try parse(arguments)
            } catch {
                guard exitCode(for: error) == .validationFailure else {
                    exit(withError: error)
                }
                (command, mistakes) = try understand(arguments)
            }
            try await command.run(besides: mistakes)
        } catch {
            exit(withError: error)
        }
        exit()
    }

    /// - Parameter mistakes: what of the command line was not understood; where there is any, everything else is only checked.
    private func run(besides mistakes: [String]) async throws {
        if healthCheck {
            try await checkHealth(besides: mistakes)
            return
        }
        let settings = Settings(
            reading: GivenValues(flags: flags, environment: Self.environment, hostName: Self.hostName))
        let program = Program(settings, environment: Self.environment)
        mistakes.forEach(Self.complain)
        let isUsedWrongly = !mistakes.isEmpty || !settings.problems.isEmpty
        do {
            if isUsedWrongly {
                _ = try program.check()
            } else if settings.checksOnly {
                let (summary, warnings) = try program.check()
                warnings.forEach { Self.complain("warning: \($0)") }
                Self.say(summary, to: STDOUT_FILENO)
            } else {
                try await program.run()
            }
        } catch let error as ProgramErrors {
            error.descriptions.forEach(Self.complain)
            guard isUsedWrongly else {
                throw ExitCode(EXIT_FAILURE)
            }
        }
        if isUsedWrongly {
            Self.complain("see --help")
            throw ExitCode(settings.checksOnly ? EXIT_FAILURE : EX_USAGE)
        }
    }

    /// Reads a command line that the parser refuses as a whole, without what it refuses of it.
    ///
    /// - Returns: the rest, and what is wrong with the others.
    static func understand(_ arguments: some Sequence<String>) throws -> (command: ExporterCommand, mistakes: [String])
    {
        var rest = Array(arguments)[...]
        var understood: [String] = []
        var mistakes: [String] = []
        while let argument = rest.popFirst() {
            do {
                _ = try parse(understood + [argument])
                understood.append(argument)
            } catch {
                let next = rest.first.map { [$0] } ?? []
                if (try? parse(understood + [argument] + next)) != nil {
                    understood += [argument] + next
                    rest = rest.dropFirst()
                    continue
                }
                // The parser quotes what it does not understand, and that may be a key in the wrong place.
                mistakes.append(Redaction.apply(to: message(for: error)))
                if argument.hasPrefix("-"), !argument.contains("="), next.first?.hasPrefix("-") == false {
                    // Probably its value.
                    rest = rest.dropFirst()
                }
            }
        }
        return (try parse(understood), mistakes)
    }

    /// Asks the running exporter, and exits with 0 or 1: Docker knows no other.
    private func checkHealth(besides mistakes: [String]) async throws {
        mistakes.forEach(Self.complain)
        guard mistakes.isEmpty else {
            throw ExitCode(EXIT_FAILURE)
        }
        let check: HealthCheck
        do throws(SettingsProblems) {
            check = HealthCheck(
                try HealthCheckSettings(GivenValues(flags: flags, environment: Self.environment)))
        } catch {
            for problem in error.problems {
                Self.complain("\(problem)")
            }
            throw ExitCode(EXIT_FAILURE)
        }
        do throws(ProgramErrors) {
            Self.say(try await check.run(), to: STDOUT_FILENO)
        } catch {
            error.descriptions.forEach(Self.complain)
            throw ExitCode(EXIT_FAILURE)
        }
    }

    /// What was given, by flag.
    var flags: [String: [String]] {
        var flags: [String: [String]] = [:]
        for (name, value) in web.values + hypersender.values + polls.values + accounts.values + log.values {
            flags[name, default: []].append(value)
        }
        flags["demo"] = demo ? ["true"] : nil
        return flags
    }

    private static var environment: [String: String] {
        var variables: [String: String] = [:]
        var entry = environ
        while let text = entry.pointee.map({ String(cString: $0) }) {
            if let equals = text.firstIndex(of: "=") {
                variables[String(text[..<equals])] = String(text[text.index(after: equals)...])
            }
            entry += 1
        }
        return variables
    }

    private static var hostName: String {
        var name = [CChar](repeating: 0, count: 256)
        // The last byte stays zero, whatever the length.
        return gethostname(&name, name.count - 1) == 0
            ? String(decoding: name.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self) : ""
    }

    private static func complain(_ text: String) {
        say(text, to: STDERR_FILENO)
    }

    private static func say(_ text: String, to stream: Int32) {
        let line = Array("hypersender-exporter: \(text)\n".utf8)
        _ = write(stream, line, line.count)
    }
}

/// The exit code of sysexits.h for a command that was used wrongly.
private let EX_USAGE: Int32 = 64
