import ArgumentParser
import Glibc
import Logging
import ServiceLifecycle
import Simulator
import UnixSignals

/// The program `hypersender-simulator`.
@main
struct SimulatorCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "hypersender-simulator",
        abstract: "Plays the Hypersender API's list of instances on a loopback address.",
        discussion: """
            Statuses change over time, determined by the seed. Faults can be put in force by --fault, or while it runs \
            by requests to /simulator, which lists them.
            """)

    @Option(help: ArgumentHelp("How many instances the account has.", valueName: "n"))
    var instances = 12

    @Option(help: ArgumentHelp("Determines names, ids, tokens and the statuses at every time.", valueName: "n"))
    var seed: UInt64 = 1

    @Option(help: ArgumentHelp("Where to listen: a loopback address; port 0 is any free one.", valueName: "host:port"))
    var listenAddress = "127.0.0.1:0"

    @Option(help: ArgumentHelp("The API key to accept. (default: made from the seed)", valueName: "token"))
    var token: String?

    @Option(help: ArgumentHelp("Answer in pages of so many instances.", valueName: "n"))
    var pageSize: Int?

    @Flag(help: "Wrap the list as {\"data\":[…]}.")
    var wrapped = false

    @Option(help: ArgumentHelp("Requests a minute, 429 beyond. (default: no limit)", valueName: "n"))
    var rateLimit: Int?

    @Flag(help: "Give lists an ETag, and answer 304 where a request knows it.")
    var entityTags = false

    @Flag(help: "Keep every status as it is, unless set by a request.")
    var noChanges = false

    @Option(help: ArgumentHelp("Simulated seconds in a second.", valueName: "factor"))
    var pace = 1.0

    @Option(
        help: ArgumentHelp(
            "A fault from the start: KIND[,NAME=VALUE…], as in status,status=429,retry-after=7,count=2. --list-faults names them.",
            valueName: "fault"),
        transform: { text in
            do {
                return try Fault(text)
            } catch {
                throw ValidationError("\(error)")
            }
        })
    var fault: Fault?

    @Flag(help: "Print the kinds of faults and exit.")
    var listFaults = false

    func validate() throws {
        if wrapped, pageSize != nil {
            throw ValidationError("--wrapped and --page-size exclude each other: a page is wrapped already.")
        }
        do {
            try settings.validate()
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

            curl -H 'Accept: application/json' -H 'Authorization: Bearer \(simulator.token)' \(simulator.baseURL)/instances
            curl -X POST '\(simulator.controlURL)/fault?kind=503&count=3'
            curl \(simulator.controlURL)
            """)
        // Standard output is not flushed by itself where it is a pipe, and somebody waits for the address.
        fflush(nil)
        let service = SimulatorService(simulator: simulator)
        let group = ServiceGroup(
            configuration: ServiceGroupConfiguration(
                services: [service], gracefulShutdownSignals: [.sigterm, .sigint], logger: logger))
        try await group.run()
    }

    private var settings: SimulatorServer.Configuration {
        var settings = SimulatorServer.Configuration(instances: instances, seed: seed)
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
