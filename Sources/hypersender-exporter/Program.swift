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
        logger = Logger(label: "hypersender-exporter") { _ in
            LineLogHandler(level: settings.flags.logLevel, format: settings.flags.logFormat)
        }
    }

    /// Puts the web configuration file into force, and with it checks what only the server can tell of it.
    ///
    /// - Throws: `SettingsProblems`.
    func security(_ configuration: Configuration) throws(SettingsProblems) -> LiveSecurity {
        do {
            return try LiveSecurity(configuration.security, logger: logger)
        } catch {
            throw SettingsProblems([SettingsProblem(settings.flags.webConfigFile ?? "", "\(error)")])
        }
    }

    /// Runs until SIGTERM or SIGINT.
    ///
    /// - Throws: `SettingsProblems` if the program cannot start or go on.
    func run(_ configuration: Configuration) async throws {
        logger.warn(of: settings.warnings + configuration.warnings)
        var state = ExporterState(
            version: BuildInformation.version, revision: BuildInformation.revision,
            swiftVersion: BuildInformation.swiftVersion, startTime: time.now.unix)
        (state.shard, state.shards) = (settings.shard.index, settings.shard.total)
        let exporter = ExporterStatus(state, time: time)
        let security = try security(configuration)
        let monitor = Monitor([], time: time)
        let accounts = AccountManager(monitor, statusSet: settings.flags.statusSet, time: time, logger: logger)
        let simulator = settings.flags.isDemo ? try await SimulatorServer.start(logger: quietLogger) : nil
        let demo = try simulator.map { try settings.demoAccount(baseURL: $0.baseURL, token: $0.token) }
        let reloader = Reloader(
            Reloader.Parts(settings: settings, demo: demo, accounts: accounts, security: security, exporter: exporter),
            time: time, logger: logger)
        let endpoints = Endpoints(
            Endpoints.Configuration(
                telemetryPath: settings.flags.telemetryPath, maximumScrapes: settings.flags.maximumScrapes,
                includesExporter: !settings.flags.disablesExporterMetrics, runbooks: settings.flags.runbookURL),
            monitor: monitor, exporter: exporter, time: time,
            reload: settings.flags.enablesLifecycle ? reloader.reload : nil)
        await reloader.onReload(endpoints.pollEnded)
        let polled = demo.map { [$0] } ?? configuration.accounts
        await accounts.apply(try await accounts.prepare(polled))
        let server = try await listen(endpoints, security)
        announce(server, security.settings, polled)
        try await serve(server, simulator, reloader) {
            try await monitor.run {
                // The next poll does not wait for the page of this one.
                Task {
                    await endpoints.pollEnded()
                    ProcessSetup.returnFreedMemory()
                }
            }
        }
        logger.info("Stopped")
    }

    /// Runs all parts side by side until a signal, or until one of them fails. Then first requests end, then polls.
    private func serve(
        _ server: Server, _ simulator: SimulatorServer?, _ reloader: Reloader,
        poll: @escaping @Sendable () async throws -> Void
    ) async throws {
        let ends = await UnixSignalsSequence(trapping: .sigterm, .sigint)
        let hangups = await UnixSignalsSequence(trapping: .sighup)
        try await withThrowingTaskGroup { group in
            group.addTask {
                for await _ in ends { return }
            }
            group.addTask {
                for await _ in hangups {
                    _ = await reloader.reload()
                }
            }
            group.addTask { try await server.run() }
            if let simulator {
                group.addTask { try await simulator.run() }
            }
            if let path = settings.flags.webConfigFile {
                group.addTask { await reloader.followWebFile(path) }
            }
            group.addTask(operation: poll)
            let end = await group.nextResult()
            await server.shutdown(grace: Self.grace)
            group.cancelAll()
            if case .failure(let error)? = end {
                throw SettingsProblems([SettingsProblem("fatal", "\(error)")])
            }
        }
    }

    private func listen(_ endpoints: Endpoints, _ security: LiveSecurity) async throws -> Server {
        do {
            var configuration = ServerConfiguration(addresses: settings.flags.listenAddresses)
            if settings.flags.usesSystemdSockets {
                configuration.addresses = []
                configuration.inherited = try SystemdSockets.inherited(environment: settings.given.environment)
            }
            configuration.security = security
            return try await Server.start(configuration, logger: logger, handler: endpoints.handle)
        } catch let error as SystemdSocketsError {
            throw SettingsProblems([SettingsProblem("--web.systemd-socket", "\(error)")])
        } catch let error as BindError {
            let problem = "\(error.reason); choose another with --web.listen-address"
            throw SettingsProblems([SettingsProblem("cannot listen on \(error.address)", problem)])
        }
    }

    private func announce(_ server: Server, _ security: WebSecurity, _ accounts: [AccountSettings]) {
        var metadata: Logger.Metadata = [
            "version": "\(BuildInformation.version)", "revision": "\(BuildInformation.revision)",
        ]
        let interval = Logger.MetadataValue.string(PrometheusDuration.format(settings.flags.interval))
        let source: Logger.Metadata =
            switch settings.source {
            case .file(let path): ["accounts": "\(accounts.count)", "file": "\(path)"]
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
            ExporterCommand.output(text, to: STDOUT_FILENO)
        }
    }

    /// A logger for libraries, whose inner workings interest only those who debug.
    private var quietLogger: Logger {
        var quiet = logger
        quiet.logLevel = logger.logLevel > .debug ? max(logger.logLevel, .warning) : logger.logLevel
        return quiet
    }
}
