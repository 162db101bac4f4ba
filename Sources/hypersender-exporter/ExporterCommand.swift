import FoundationEssentials
import Glibc
import Monitoring
import Settings

/// The program's command line.
@main
enum ExporterCommand {
    /// The exit code of sysexits.h for a command that was used wrongly.
    private static let usageError: Int32 = 64

    static func main() {
        ProcessSetup.apply()
        Task.detached {
            exit(await run())
        }
        ProcessSetup.wait()
    }

    /// Reads the command line and does what it asks for.
    ///
    /// - Returns: the exit code.
    private static func run() async -> Int32 {
        let arguments = HealthCheck.arguments(
            own: Array(CommandLine.arguments.dropFirst()), program: CommandLine.arguments.first ?? "",
            ofFirstProcess: HealthCheck.firstProcess())
        let process = ProcessInfo.processInfo
        let given = GivenValues(arguments, environment: process.environment, hostName: process.hostName)
        if given.asksForHelp || given.asksForVersion {
            output(given.asksForHelp ? Flag.help : "\(BuildInformation.description)\n", to: STDOUT_FILENO)
            return EXIT_SUCCESS
        }
        do {
            try await run(given)
            return EXIT_SUCCESS
        } catch let error as ConfigurationError {
            error.problems.forEach { complain($0) }
            guard !error.flags.isEmpty else { return EXIT_FAILURE }
            complain("see --help")
            return given.values.checksOnly ? EXIT_FAILURE : usageError
        } catch let error as SettingsProblems {
            error.problems.forEach { complain($0) }
        } catch {
            complain("\(error)")
        }
        return EXIT_FAILURE
    }

    private static func run(_ given: GivenValues) async throws {
        if given.values.checksHealth {
            say(try await HealthCheck.run(given))
            return
        }
        let (settings, configuration) = try Settings.load(given, now: SystemTime().now.unix)
        let program = Program(settings)
        guard settings.flags.checksOnly else {
            try await program.run(configuration)
            return
        }
        _ = try program.security(configuration)
        for warning in settings.warnings + configuration.warnings {
            complain("warning: \(warning)")
        }
        let count = configuration.accounts.count
        say("the configuration is valid: \(count) account\(count == 1 ? "" : "s") to poll")
    }

    private static func say(_ text: String) {
        output("hypersender-exporter: \(text)\n", to: STDOUT_FILENO)
    }

    private static func complain(_ text: some CustomStringConvertible) {
        output("hypersender-exporter: \(text)\n", to: STDERR_FILENO)
    }

    static func output(_ text: String, to stream: Int32) {
        let bytes = Array(text.utf8)
        _ = write(stream, bytes, bytes.count)
    }
}
