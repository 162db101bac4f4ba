import ArgumentParser
import Glibc
import HypersenderAPI
import Settings

/// The program's command line.
@main
struct ExporterCommand: AsyncParsableCommand {
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

    /// Reads the command line and runs.
    static func main() async {
        ProcessSetup.apply()
        do {
            let command = try parse()
            try await command.run()
        } catch {
            guard !(error is ExitCode), exitCode(for: error) == .validationFailure else {
                exit(withError: error)
            }
            // The parser quotes what it does not understand, and that may be a key in the wrong place.
            for line in fullMessage(for: error).split(separator: "\n") {
                complain(line.hasPrefix("Error:") ? Redaction.apply(to: String(line)) : String(line))
            }
            Glibc.exit(EX_USAGE)
        }
    }

    func run() async throws {
        let settings: Settings
        let checksOnly = accounts.check
        do throws(SettingsProblems) {
            settings = try Settings(GivenValues(flags: flags, environment: Self.environment, hostName: Self.hostName))
        } catch {
            for problem in error.problems {
                Self.complain("\(problem)")
            }
            Self.complain("see --help")
            throw ExitCode(checksOnly ? EXIT_FAILURE : EX_USAGE)
        }
        let program = Program(settings, environment: Self.environment)
        do {
            if settings.checksOnly {
                Self.say(try await program.check(), to: STDOUT_FILENO)
            } else {
                try await program.run()
            }
        } catch let error as ProgramErrors {
            error.descriptions.forEach(Self.complain)
            throw ExitCode(EXIT_FAILURE)
        }
    }

    /// What was given, by flag.
    private var flags: [String: [String]] {
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
