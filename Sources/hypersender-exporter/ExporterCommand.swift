import Basics
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
            output((given.asksForHelp ? Flag.help : "\(BuildInformation.description)\n").utf8, to: STDOUT_FILENO)
            return EXIT_SUCCESS
        }
        do {
            return try await run(given) ? EXIT_SUCCESS : EXIT_FAILURE
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

    /// - Returns: whether every poll of `--once` has succeeded; true otherwise.
    private static func run(_ given: GivenValues) async throws -> Bool {
        if given.values.checksHealth {
            say(try await HealthCheck.run(given))
            return true
        }
        let (settings, configuration) = try Settings.load(given, now: SystemTime().now.unix)
        let program = Program(settings)
        guard settings.flags.checksOnly || settings.flags.pollsOnce else {
            try await program.run(configuration)
            return true
        }
        _ = try program.security(configuration)
        for warning in settings.warnings + configuration.warnings {
            complain("warning: \(warning)")
        }
        guard settings.flags.checksOnly else { return try await pollOnce(program, configuration) }
        let count = configuration.accounts.count
        say("the configuration is valid: \(count) account\(count == 1 ? "" : "s") to poll")
        say("the API was not asked; --once asks it")
        return true
    }

    private static func pollOnce(_ program: Program, _ configuration: Configuration) async throws -> Bool {
        // Without a page, the exit code must not be that of success.
        signal(SIGTERM, SIG_DFL)
        signal(SIGINT, SIG_DFL)
        let (accounts, page) = try await program.pollOnce(configuration)
        guard output(page, to: STDOUT_FILENO) else {
            throw Problem("the page cannot be written to standard output: \(String(cString: strerror(errno)))")
        }
        output(PollTable.text(accounts).utf8, to: STDERR_FILENO)
        return accounts.allSatisfy { $0.lastError == nil }
    }

    private static func say(_ text: String) {
        output("hypersender-exporter: \(text)\n".utf8, to: STDOUT_FILENO)
    }

    private static func complain(_ text: some CustomStringConvertible) {
        output("hypersender-exporter: \(text)\n".utf8, to: STDERR_FILENO)
    }

    /// Writes all bytes; returns whether that was possible.
    @discardableResult
    static func output(_ bytes: some Sequence<UInt8>, to stream: Int32) -> Bool {
        var rest = Array(bytes)[...]
        while !rest.isEmpty {
            let count = rest.withUnsafeBytes { write(stream, $0.baseAddress, $0.count) }
            guard count >= 0 || errno == EINTR else { return false }
            rest = rest.dropFirst(max(count, 0))
        }
        return true
    }
}
