import ArgumentParser
import Glibc
import Logging
import Simulator
import UnixSignals

/// The beginning of the program, which keeps its main thread: see `deploy/package/small.ld`.
@main
enum SimulatorProgram {
    static func main() {
        Task.detached {
            await SimulatorCommand.main()
            exit(EXIT_SUCCESS)
        }
        while true { pause() }
    }
}

/// The program `hypersender-simulator`.
struct SimulatorCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "hypersender-simulator",
        abstract: "Simulate the Hypersender API's list of instances on a loopback address.",
        discussion: """
            Statuses change over time, determined by the seed. Faults are activated by --fault, or at runtime by \
            control requests, which GET /simulator lists.
            """)

    @Option(help: ArgumentHelp("Number of instances in the account.", valueName: "n"))
    var instances = 12

    @Option(help: ArgumentHelp("Seed of names, ids, tokens and status changes.", valueName: "n"))
    var seed: UInt64 = 1

    @Option(help: ArgumentHelp("Loopback address to listen on; port 0 is any free port.", valueName: "host:port"))
    var listenAddress = "127.0.0.1:0"

    @Option(help: ArgumentHelp("API key to accept. (default: made from the seed)", valueName: "token"))
    var token: String?

    @Option(help: ArgumentHelp("Number of instances per page. (default: no pages)", valueName: "n"))
    var pageSize: Int?

    @Flag(help: "Wrap the list as {\"data\":[…]}.")
    var wrapped = false

    @Option(help: ArgumentHelp("Maximum number of requests per minute. (default: no limit)", valueName: "n"))
    var rateLimit: Int?

    @Flag(help: "Send an ETag with lists, and answer 304 if a request has it.")
    var entityTags = false

    @Flag(help: "Do not change statuses, except by control requests.")
    var noChanges = false

    @Option(help: ArgumentHelp("Simulated seconds per second.", valueName: "factor"))
    var pace = 1.0

    @Option(
        help: ArgumentHelp(
            """
            Fault to start with: KIND[,NAME=VALUE…], such as status,status=429,retry-after=7,count=2; see --list-faults.
            """,
            valueName: "fault"),
        transform: { try Fault($0) })
    var fault: Fault?

    @Flag(help: "Print the kinds of faults and exit.")
    var listFaults = false

    func validate() throws {
        if wrapped, pageSize != nil {
            throw ValidationError("--wrapped and --page-size exclude each other: a page is wrapped already.")
        }
        do {
            _ = try settings.validated()
        } catch {
            throw ValidationError("\(error)")
        }
    }

    func run() async throws {
        if listFaults {
            print(Fault.help)
            return
        }
        LoggingSystem.bootstrap { StreamLogHandler.standardError(label: $0) }
        let logger = Logger(label: "hypersender-simulator")
        let signals = await UnixSignalsSequence(trapping: .sigterm, .sigint)
        let simulator: SimulatorServer
        do {
            simulator = try await SimulatorServer.start(settings, logger: logger)
        } catch {
            logger.error("\(error)")
            throw ExitCode.failure
        }
        print(
            """
            Base URL  \(simulator.baseURL)
            Token     \(simulator.token)

            curl -H 'Accept: application/json' -H 'Authorization: Bearer \(simulator.token)' \\
                \(simulator.baseURL)/instances
            curl -X POST '\(simulator.controlURL)/fault?kind=503&count=3'
            curl \(simulator.controlURL)
            """)
        // A pipe is not flushed by itself, and its reader waits for the address.
        fflush(nil)
        let stop = Task {
            for await _ in signals { return await simulator.shutdown() }
        }
        defer { stop.cancel() }
        try await simulator.run()
    }

    private var settings: SimulatorConfiguration {
        var settings = SimulatorConfiguration(instances: instances, seed: seed)
        settings.token = token
        settings.listenAddress = listenAddress
        settings.changes = !noChanges
        settings.pace = pace
        settings.form = pageSize.map { ListForm.paged(size: $0) } ?? (wrapped ? .wrapped : .array)
        settings.rateLimit = rateLimit
        settings.entityTags = entityTags
        settings.fault = fault
        return settings
    }
}
