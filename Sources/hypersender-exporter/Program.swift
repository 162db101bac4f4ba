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
        let level: Logger.Level =
            switch settings.logLevel {
            case .debug: .debug
            case .info: .info
            case .warn: .warning
            case .error: .error
            }
        logger = Logger(label: "hypersender-exporter") { _ in LineLogHandler(level: level, format: settings.logFormat) }
    }

    /// Runs until SIGTERM or SIGINT.
    ///
    /// - Throws: `ProgramError` where the program cannot start or go on.
    func run() async throws {
        for warning in settings.warnings {
            logger.warning(
                "Unusual setting", metadata: ["setting": "\(warning.place)", "problem": "\(warning.problem)"])
        }
        let time = SystemTime()
        let exporter = ExporterStatus(
            ExporterState(
                version: BuildInformation.version, revision: BuildInformation.revision,
                swiftVersion: BuildInformation.swiftVersion, startTime: time.now.unix), time: time)
        let upstream = try await upstream()
        let client = try client(for: upstream)
        do {
            try await serve(client, upstream, exporter, time)
        } catch {
            await client.shutdown()
            throw error
        }
        await client.shutdown()
        logger.info("Stopped")
    }

    private func serve(
        _ client: HypersenderClient, _ upstream: Upstream, _ exporter: ExporterStatus, _ time: SystemTime
    ) async throws {
        let poller = Poller(
            AccountState(interval: settings.polling.interval, staleAfter: settings.polling.staleAfter), lister: client,
            timeout: settings.polling.timeout, time: time, logger: logger,
            onStuck: { [logger] error in
                logger.critical("The exporter cannot go on", metadata: ["error": "\(error)"])
                _exit(EXIT_FAILURE)
            })
        let monitor = Monitor([poller], time: time, statusSet: settings.statusSet)
        let endpoints = Endpoints(
            Endpoints.Configuration(
                telemetryPath: settings.telemetryPath, maxRequests: settings.maxRequests,
                includesExporter: !settings.disablesExporterMetrics),
            monitor: monitor, exporter: exporter, time: time)
        let server = try await listen(endpoints)
        announce(server, upstream)

        // Services end in reverse order: first no more requests, then no more polls, then nothing left to poll.
        var services: [any Service] = upstream.simulator.map { [SimulatorService(simulator: $0)] } ?? []
        services += [
            MonitorService(monitor: monitor, endpoints: endpoints), HangupService(logger: logger),
            ServerService(server: server),
        ]
        let group = ServiceGroup(
            configuration: ServiceGroupConfiguration(
                services: services.map { ServiceGroupConfiguration.ServiceConfiguration(service: $0) },
                gracefulShutdownSignals: [.sigterm, .sigint], logger: quiet(logger)))
        do {
            try await group.run()
        } catch {
            throw ProgramError("cannot go on: \(error)")
        }
    }

    /// What is polled, and with which key.
    private struct Upstream {
        var baseURL: BaseURL
        var token: TokenSource
        var simulator: SimulatorServer?
    }

    private func upstream() async throws -> Upstream {
        switch settings.source {
        case .api(let baseURL, let token):
            do {
                // A key that is missing from the start is a mistake in the set-up; one that goes missing later is a failing poll.
                _ = try token.read()
            } catch {
                throw ProgramError(error.description)
            }
            return Upstream(baseURL: baseURL, token: token)
        case .demo:
            let simulator = try await SimulatorServer.start(logger: quiet(logger))
            return Upstream(
                baseURL: try BaseURL(simulator.baseURL),
                token: .environment(name: "demo", try Secret(simulator.token)), simulator: simulator)
        }
    }

    private func client(for upstream: Upstream) throws(ProgramError) -> HypersenderClient {
        do {
            return try HypersenderClient(
                settings.polling.client(
                    baseURL: upstream.baseURL, token: upstream.token,
                    userAgent: "hypersender-exporter/\(BuildInformation.version)"))
        } catch {
            throw ProgramError(error.description)
        }
    }

    private func listen(_ endpoints: Endpoints) async throws -> Server {
        do {
            return try await Server.start(
                ServerConfiguration(addresses: settings.listenAddresses), logger: logger, handler: endpoints.handle)
        } catch let error as BindError {
            throw ProgramError(
                "cannot listen on \(error.address): \(error.reason); choose another with --web.listen-address")
        }
    }

    private func announce(_ server: Server, _ upstream: Upstream) {
        logger.info(
            "Starting hypersender-exporter",
            metadata: [
                "version": "\(BuildInformation.version)", "revision": "\(BuildInformation.revision)",
                "api": "\(upstream.simulator == nil ? "\(upstream.baseURL)" : "simulated")",
                "interval": "\(PrometheusDuration.format(settings.polling.interval))",
            ])
        for address in server.addresses {
            logger.info("Listening on", metadata: ["address": "\(address)"])
        }
        if upstream.simulator != nil, let listener = server.addresses.first(where: { $0.path == nil }) {
            let isEverywhere = ["", "::", "0.0.0.0"].contains(listener.host)
            let address = isEverywhere ? "localhost:\(listener.port)" : "\(listener)"
            let text = """
                The demo watches a simulated account. Stop it with Ctrl-C.
                  Status page: http://\(address)/
                  Metrics:     http://\(address)\(settings.telemetryPath)

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
struct ProgramError: Error, CustomStringConvertible {
    let description: String

    init(_ description: String) {
        self.description = description
    }
}
