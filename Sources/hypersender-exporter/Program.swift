import Basics
import Endpoints
import Glibc
import HTTPServer
import HypersenderAPI
import Logging
import Monitoring
import Settings
import Simulator
import UnixSignals

/// The program: brings the rooms together and runs them until a signal ends it.
struct Program {
    private let settings: Settings
    private let logger: Logger
    private let time = SystemTime()

    /// The time that requests in flight have at a shutdown, which shall end within ten seconds.
    private static let grace = Duration.seconds(9)

    init(_ settings: Settings) {
        self.settings = settings
        let flags = settings.flags
        // The table of a single poll has all that it would log.
        let level = flags.pollsOnce && flags.logLevel != .debug ? .error : flags.logLevel
        logger = Logger(label: "hypersender-exporter") { _ in LineLogHandler(level: level, format: flags.logFormat) }
    }

    /// Makes the server's settings of the web configuration file, which loads its certificates.
    ///
    /// - Throws: `SettingsProblem`.
    func security(_ configuration: Configuration) throws(SettingsProblem) -> LiveSecurity {
        do {
            return try LiveSecurity(configuration.security, logger: logger)
        } catch {
            throw SettingsProblem(settings.flags.webConfigFile ?? "", "\(error)")
        }
    }

    /// Runs until SIGTERM or SIGINT.
    ///
    /// - Throws: `SettingsProblem` or `Problem` if the program cannot start or go on.
    func run(_ configuration: Configuration) async throws {
        logger.warn(of: settings.warnings + configuration.warnings)
        let security = try security(configuration)
        let polling = try await polling(configuration)
        let reloader = Reloader(settings, polling, security, time: time, logger: logger)
        let reload = { @Sendable in await reloader.reload() }
        let endpoints = endpoints(polling, reload: settings.flags.enablesLifecycle ? reload : nil)
        await reloader.onReload { await endpoints.pollEnded() }
        let server = try await listen(endpoints, security)
        announce(server, security.settings, accounts: configuration.accounts.count)
        try await serve(server, polling.simulator, reloader) {
            try await polling.monitor.run {
                // The next poll does not wait for the page of this one.
                Task {
                    // To look how much is free takes milliseconds: too long for each poll of many accounts.
                    if await endpoints.pollEnded() { ProcessSetup.returnFreedMemory() }
                }
            }
        }
        logger.info("Stopped")
    }

    /// Polls each account once, and listens nowhere.
    ///
    /// - Returns: the accounts, and the page as `/metrics` gives it.
    func pollOnce(_ configuration: Configuration) async throws -> (accounts: [AccountState], page: [UInt8]) {
        let polling = try await polling(configuration)
        await polling.monitor.pollOnce()
        await polling.simulator?.shutdown()
        return (polling.monitor.snapshot.accounts, await endpoints(polling, reload: nil).metrics())
    }

    /// The parts that are needed to poll.
    struct Polling {
        let exporter: ExporterStatus
        let monitor: Monitor
        let accounts: AccountManager
        let simulator: SimulatorServer?
        /// The account to poll with `--demo`.
        let demo: AccountSettings?
    }

    /// Prepares to poll, and with `--demo` starts the simulator.
    private func polling(_ configuration: Configuration) async throws -> Polling {
        var state = ExporterState(
            version: BuildInformation.version, revision: BuildInformation.revision,
            swiftVersion: BuildInformation.swiftVersion, startTime: time.now.unix)
        (state.shard, state.shards) = (settings.shard.index, settings.shard.total)
        state.configurationHash = configuration.hash
        let monitor = Monitor([], time: time)
        let accounts = AccountManager(monitor, time: time, logger: logger)
        let simulator = settings.flags.isDemo ? try await SimulatorServer.start(logger: quietLogger) : nil
        let demo = try simulator.map { try settings.demoAccount(baseURL: $0.baseURL, token: $0.token) }
        accounts.apply(try accounts.prepare(demo.map { [$0] } ?? configuration.accounts))
        return Polling(
            exporter: ExporterStatus(state, time: time), monitor: monitor, accounts: accounts, simulator: simulator,
            demo: demo)
    }

    private func endpoints(_ polling: Polling, reload: Endpoints.Reload?) -> Endpoints {
        Endpoints(
            Endpoints.Configuration(
                telemetryPath: settings.flags.telemetryPath, maximumScrapes: settings.flags.maximumScrapes,
                includesExporter: !settings.flags.disablesExporterMetrics, runbooks: settings.flags.runbookURL),
            monitor: polling.monitor, exporter: polling.exporter, time: time, reload: reload)
    }

    /// Runs all parts side by side until a signal, or until one of them fails. Then first requests end, then polls.
    private func serve(
        _ server: Server, _ simulator: SimulatorServer?, _ reloader: Reloader,
        poll: @escaping @Sendable () async throws -> Void
    ) async throws {
        try await withThrowingTaskGroup { group in
            group.addTask(operation: poll)
            group.addTask {
                for await _ in await UnixSignalsSequence(trapping: .sigterm, .sigint) { return }
            }
            group.addTask {
                for await _ in await UnixSignalsSequence(trapping: .sighup) { await reloader.reload() }
            }
            group.addTask { try await server.run() }
            if let simulator {
                group.addTask { try await simulator.run() }
            }
            if settings.flags.webConfigFile != nil || settings.flags.reloadsOnChange {
                group.addTask { await reloader.followFiles() }
            }
            let end = await group.nextResult()
            await server.shutdown(grace: Self.grace)
            group.cancelAll()
            if case .failure(let error)? = end { throw Problem("fatal: \(error)") }
        }
    }

    private func listen(_ endpoints: Endpoints, _ security: LiveSecurity) async throws -> Server {
        do {
            var configuration = ServerConfiguration(addresses: settings.flags.listenAddresses)
            if settings.flags.usesSystemdSockets {
                configuration.addresses = []
                configuration.inherited = try InheritedSocket.all(environment: settings.given.environment)
            }
            configuration.security = security
            return try await Server(configuration, logger: logger, handler: endpoints.handle)
        } catch let error as Problem {
            throw SettingsProblem("--web.systemd-socket", "\(error)")
        } catch let error as BindError {
            throw SettingsProblem(
                "cannot listen on \(error.address)", "\(error.reason); choose another with --web.listen-address")
        }
    }

    private func announce(_ server: Server, _ security: WebSecurity, accounts: Int) {
        var metadata: Logger.Metadata = [
            "version": "\(BuildInformation.version)", "revision": "\(BuildInformation.revision)",
        ]
        let interval = Logger.MetadataValue.string(PrometheusDuration.format(settings.flags.options.interval))
        let source: Logger.Metadata =
            switch settings.source {
            case .file(let path): ["accounts": "\(accounts)", "file": "\(path)"]
            case .api(let baseURL, _): ["api": "\(baseURL)", "interval": interval]
            case .demo: ["api": "simulated", "interval": interval]
            }
        metadata.merge(source) { $1 }
        if settings.shard.total > 1 {
            metadata["shard"] = "\(settings.shard.index) of \(settings.shard.total)"
        }
        logger.info("Starting hypersender-exporter", metadata: metadata)
        for address in server.addresses {
            logger.info("Listening on", metadata: security.summary.merging(["address": "\(address)"]) { $1 })
        }
        if settings.flags.isDemo, let listener = server.addresses.first(where: { $0.path == nil }) {
            let isEverywhere = ["", "::", "0.0.0.0"].contains(listener.host)
            let address = isEverywhere ? "localhost:\(listener.port)" : "\(listener)"
            let url = "\(security.tls == nil ? "http" : "https")://\(address)"
            let text = """
                The demo exports a simulated account. Stop it with Ctrl-C.
                  Status page: \(url)/
                  Metrics:     \(url)\(settings.flags.telemetryPath)

                """
            ExporterCommand.output(text.utf8, to: STDOUT_FILENO)
        }
    }

    /// A logger for libraries, whose inner workings interest only those who debug.
    private var quietLogger: Logger {
        var quiet = logger
        quiet.logLevel = logger.logLevel > .debug ? max(logger.logLevel, .warning) : logger.logLevel
        return quiet
    }
}
