import Basics
import Endpoints
import Glibc
import HTTPServer
import HypersenderAPI
import Logging
import Monitoring
import ServiceLifecycle
import Settings
import Simulator
import UnixSignals

/// The program: brings the rooms together and runs them until a signal ends it.
struct Program {
    private let settings: Settings
    private let environment: [String: String]
    private let logger: Logger

    init(_ settings: Settings, environment: [String: String]) {
        self.settings = settings
        self.environment = environment
        let level: Logger.Level =
            switch settings.logLevel {
            case .debug: .debug
            case .info: .info
            case .warn: .warning
            case .error: .error
            }
        logger = Logger(label: "hypersender-exporter") { _ in LineLogHandler(level: level, format: settings.logFormat) }
    }

    /// Reads everything that the settings name, and nothing else.
    ///
    /// - Returns: what was found, and what of it is probably not meant.
    /// - Throws: `ProgramErrors` with every mistake, those in the settings among them.
    func check() throws(ProgramErrors) -> (summary: String, warnings: [SettingsProblem]) {
        let configuration: Configuration
        do throws(SettingsProblems) {
            configuration = try Configuration(
                settings, environment: environment, now: SystemTime().now.unix, demo: nil)
        } catch {
            throw ProgramErrors(error.problems.map(\.description))
        }
        do {
            try LiveSecurity.check(configuration.security)
        } catch {
            throw ProgramErrors(["\(settings.webConfigFile ?? ""): \(error)"])
        }
        let count = configuration.accounts.count
        return (
            "the configuration is good: \(count) account\(count == 1 ? "" : "s") to poll",
            settings.warnings + configuration.warnings
        )
    }

    /// Runs until SIGTERM or SIGINT.
    ///
    /// - Throws: `ProgramErrors` where the program cannot start or go on.
    func run() async throws {
        let time = SystemTime()
        let exporter = ExporterStatus(
            ExporterState(
                version: BuildInformation.version, revision: BuildInformation.revision,
                swiftVersion: BuildInformation.swiftVersion, startTime: time.now.unix,
                shard: settings.shard.index, shards: settings.shard.total), time: time)
        let simulator = settings.source == .demo ? try await SimulatorServer.start(logger: quiet(logger)) : nil
        let demo = try simulator.map { simulator in
            AccountSettings(
                name: nil, baseURL: try BaseURL(simulator.baseURL),
                token: .environment(name: "demo", try Secret(simulator.token)), polling: settings.polling)
        }
        let read: @Sendable () throws(SettingsProblems) -> Configuration = {
            [settings, environment] () throws(SettingsProblems) in
            try Configuration(settings, environment: environment, now: time.now.unix, demo: demo)
        }
        let configuration: Configuration
        let security: LiveSecurity
        do throws(SettingsProblems) {
            configuration = try read()
        } catch {
            throw ProgramErrors(error.problems.map(\.description))
        }
        logger.warn(of: settings.warnings + configuration.warnings)
        do {
            security = try LiveSecurity(configuration.security, logger: logger)
        } catch {
            throw ProgramErrors(["\(settings.webConfigFile ?? ""): \(error)"])
        }
        let monitor = Monitor([], time: time, statusSet: settings.statusSet)
        let fleet = Fleet(monitor, time: time, logger: logger)
        let reloader = Reloader(
            fleet: fleet, security: security, webFile: settings.webConfigFile, exporter: exporter, time: time,
            logger: logger, read: read)
        do {
            await fleet.apply(try await fleet.prepare(configuration.accounts))
        } catch {
            throw ProgramErrors([error.description])
        }
        do {
            try await serve(monitor, exporter, reloader, security, configuration.accounts, simulator, time)
        } catch {
            await fleet.shutdown()
            throw error
        }
        await fleet.shutdown()
        logger.info("Stopped")
    }

    private func serve(
        _ monitor: Monitor, _ exporter: ExporterStatus, _ reloader: Reloader, _ security: LiveSecurity,
        _ accounts: [AccountSettings], _ simulator: SimulatorServer?, _ time: SystemTime
    ) async throws {
        let endpoints = Endpoints(
            Endpoints.Configuration(
                telemetryPath: settings.telemetryPath, maxRequests: settings.maxRequests,
                includesExporter: !settings.disablesExporterMetrics, runbooks: settings.runbookURL),
            monitor: monitor, exporter: exporter, time: time,
            reload: settings.enablesLifecycle ? reloader.reload : nil)
        await reloader.onReload(endpoints.pollEnded)
        let server = try await listen(endpoints, security)
        announce(server, security.settings, accounts, simulator)

        // Services end in reverse order: first no more requests, then no more polls, then nothing left to poll.
        // Without names of ours they would be named by all that they hold.
        var services: [ServiceGroupConfiguration.ServiceConfiguration] = []
        func add(_ name: String, _ service: any Service) {
            services.append(.init(service: service, serviceName: name))
        }
        if let simulator {
            add("simulator", SimulatorService(simulator: simulator))
        }
        add("monitor", MonitorService(monitor: monitor, endpoints: endpoints))
        add("hangup", HangupService(reload: reloader.reload))
        add("server", ServerService(server: server))
        if let file = settings.webConfigFile {
            add("web file", WebFileService(path: file, security: security) { await reloader.reloadWebFile() })
        }
        let group = ServiceGroup(
            configuration: ServiceGroupConfiguration(
                services: services, gracefulShutdownSignals: [.sigterm, .sigint], logger: quiet(logger)))
        do {
            try await group.run()
        } catch {
            throw ProgramErrors(["cannot go on: \(error)"])
        }
    }

    private func listen(_ endpoints: Endpoints, _ security: LiveSecurity) async throws -> Server {
        do {
            var configuration = ServerConfiguration(addresses: settings.listenAddresses)
            if settings.usesSystemdSockets {
                configuration.addresses = []
                configuration.inherited = try SystemdSockets.inherited(environment: environment)
            }
            configuration.security = security
            return try await Server.start(
                configuration, logger: logger, refusal: endpoints.refusal, handler: endpoints.handle)
        } catch let error as SystemdSocketsError {
            throw ProgramErrors(["--web.systemd-socket: \(error)"])
        } catch let error as BindError {
            throw ProgramErrors([
                "cannot listen on \(error.address): \(error.reason); choose another with --web.listen-address"
            ])
        }
    }

    private func announce(
        _ server: Server, _ security: WebSecurity, _ accounts: [AccountSettings], _ simulator: SimulatorServer?
    ) {
        var metadata: Logger.Metadata = [
            "version": "\(BuildInformation.version)", "revision": "\(BuildInformation.revision)",
        ]
        if case .file(let path) = settings.source {
            metadata["accounts"] = "\(accounts.count)"
            metadata["file"] = "\(path)"
        } else {
            metadata["api"] = "\(simulator == nil ? accounts.map { "\($0.baseURL)" }.joined() : "simulated")"
            metadata["interval"] = "\(PrometheusDuration.format(settings.polling.interval))"
        }
        if settings.shard != .whole {
            metadata["shard"] = "\(settings.shard.index) of \(settings.shard.total)"
        }
        logger.info("Starting hypersender-exporter", metadata: metadata)
        for address in server.addresses {
            logger.info("Listening on", metadata: security.summary.merging(["address": "\(address)"]) { $1 })
        }
        if simulator != nil, let listener = server.addresses.first(where: { $0.path == nil }) {
            let isEverywhere = ["", "::", "0.0.0.0"].contains(listener.host)
            let address = isEverywhere ? "localhost:\(listener.port)" : "\(listener)"
            let scheme = security.tls == nil ? "http" : "https"
            let text = """
                The demo watches a simulated account. Stop it with Ctrl-C.
                  Status page: \(scheme)://\(address)/
                  Metrics:     \(scheme)://\(address)\(settings.telemetryPath)

                """
            let bytes = Array(text.utf8)
            _ = write(STDOUT_FILENO, bytes, bytes.count)
        }
    }

    /// What libraries tell of their inner workings is of interest only to those who look for it.
    private func quiet(_ logger: Logger) -> Logger {
        var quiet = logger
        if logger.logLevel > .debug {
            quiet.logLevel = max(logger.logLevel, .warning)
        }
        return quiet
    }
}

/// Why the program cannot start or go on, and what to do about it.
struct ProgramErrors: Error {
    /// One a line; at least one.
    let descriptions: [String]

    init(_ descriptions: [String]) {
        self.descriptions = descriptions
    }
}
