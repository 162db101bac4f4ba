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
    private let logger: Logger

    init(_ settings: Settings) {
        self.settings = settings
        logger = Logger(label: "hypersender-exporter") { _ in
            LineLogHandler(level: settings.flags.logLevel, format: settings.flags.logFormat)
        }
    }

    /// Checks what only the server can tell of the configuration.
    ///
    /// - Throws: `ProgramErrors`.
    func check(_ configuration: Configuration) throws(ProgramErrors) {
        do {
            _ = try LiveSecurity(configuration.security, logger: logger)
        } catch {
            throw webFileError(error)
        }
    }

    /// Runs until SIGTERM or SIGINT.
    ///
    /// - Throws: `ProgramErrors` if the program cannot start or go on.
    func run(_ configuration: Configuration) async throws {
        let time = SystemTime()
        logger.warn(of: settings.warnings + configuration.warnings)
        var state = ExporterState(
            version: BuildInformation.version, revision: BuildInformation.revision,
            swiftVersion: BuildInformation.swiftVersion, startTime: time.now.unix)
        (state.shard, state.shards) = (settings.shard.index, settings.shard.total)
        let exporter = ExporterStatus(state, time: time)
        let security: LiveSecurity
        do {
            security = try LiveSecurity(configuration.security, logger: logger)
        } catch {
            throw webFileError(error)
        }
        let monitor = Monitor([], time: time)
        let accounts = AccountManager(monitor, statusSet: settings.flags.statusSet, time: time, logger: logger)
        let simulator = settings.flags.isDemo ? try await SimulatorServer.start(logger: quiet(logger)) : nil
        let demo = try simulator.map(demoAccount)
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
        do {
            await accounts.apply(try await accounts.prepare(polled))
        } catch {
            throw ProgramErrors([error.description])
        }
        do {
            let server = try await listen(endpoints, security)
            announce(server, security.settings, polled)
            // Services end in reverse order: first no more requests, then no more polls, then nothing left to poll.
            var services: [ServiceGroupConfiguration.ServiceConfiguration] = []
            // Without names of ours they would be named by all that they hold.
            func add(_ name: String, _ service: any Service) {
                services.append(.init(service: service, serviceName: name))
            }
            if let simulator {
                add("simulator", ServerService(serve: simulator.run) { await simulator.shutdown() })
            }
            add("monitor", MonitorService(monitor: monitor, endpoints: endpoints))
            add("hangup", HangupService(reload: reloader.reload))
            add("server", ServerService(serve: server.run) { await server.shutdown(grace: ServerService.grace) })
            if let file = settings.flags.webConfigFile {
                add("web file", WebFileService(path: file, security: security) { await reloader.reloadWebFile() })
            }
            try await run(services)
        } catch {
            await accounts.shutdown()
            throw error
        }
        await accounts.shutdown()
        logger.info("Stopped")
    }

    private func run(_ services: [ServiceGroupConfiguration.ServiceConfiguration]) async throws(ProgramErrors) {
        do {
            try await ServiceGroup(
                configuration: ServiceGroupConfiguration(
                    services: services, gracefulShutdownSignals: [.sigterm, .sigint], logger: quiet(logger))
            ).run()
        } catch {
            throw ProgramErrors(["fatal: \(error)"])
        }
    }

    /// Returns the account that the demo polls.
    private func demoAccount(_ simulator: SimulatorServer) throws -> AccountSettings {
        AccountSettings(
            name: nil, baseURL: try BaseURL(simulator.baseURL),
            token: .environment(name: "demo", try Secret(simulator.token)), polling: settings.polling)
    }

    private func webFileError(_ error: some Error) -> ProgramErrors {
        ProgramErrors(["\(settings.flags.webConfigFile ?? ""): \(error)"])
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
            throw ProgramErrors(["--web.systemd-socket: \(error)"])
        } catch let error as BindError {
            throw ProgramErrors([
                "cannot listen on \(error.address): \(error.reason); choose another with --web.listen-address"
            ])
        }
    }

    private func announce(_ server: Server, _ security: WebSecurity, _ accounts: [AccountSettings]) {
        var metadata: Logger.Metadata = [
            "version": "\(BuildInformation.version)", "revision": "\(BuildInformation.revision)",
        ]
        switch settings.source {
        case .file(let path):
            metadata["accounts"] = "\(accounts.count)"
            metadata["file"] = "\(path)"
        case .api(let baseURL, _): metadata["api"] = "\(baseURL)"
        case .demo: metadata["api"] = "simulated"
        }
        if metadata["api"] != nil {
            metadata["interval"] = "\(PrometheusDuration.format(settings.polling.interval))"
        }
        if settings.shard != .whole {
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

    /// Returns a logger for libraries, whose inner workings interest only those who debug.
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
    /// At least one, each a line.
    let descriptions: [String]

    init(_ descriptions: [String]) {
        self.descriptions = descriptions
    }
}
