import Endpoints
import HTTPServer
import Logging
import Monitoring
import ServiceLifecycle
import Simulator
import Synchronization
import UnixSignals

/// Serves until the shutdown, then lets scrapes under way finish.
struct ServerService: Service {
    let server: Server

    /// How long scrapes under way may take at a shutdown, which shall end within ten seconds.
    private static let grace = Duration.seconds(9)

    func run() async throws {
        try await withTaskCancellationOrGracefulShutdownHandler {
            try await server.run()
        } onCancelOrGracefulShutdown: {
            Task { await server.shutdown(grace: Self.grace) }
        }
    }
}

/// Polls until the shutdown.
struct MonitorService: Service {
    let monitor: Monitor
    let endpoints: Endpoints

    func run() async throws {
        try await cancelWhenGracefulShutdown {
            let hasStarted = Atomic(false)
            try await monitor.run {
                await endpoints.pollEnded()
                ProcessSetup.returnFreedMemory()
                if !hasStarted.exchange(true, ordering: .relaxed) {
                    ProcessSetup.releaseStartupText()
                }
            }
        }
    }
}

/// Plays the API of the demo until the shutdown.
struct SimulatorService: Service {
    let simulator: SimulatorServer

    func run() async throws {
        try await withTaskCancellationOrGracefulShutdownHandler {
            try await simulator.run()
        } onCancelOrGracefulShutdown: {
            Task { await simulator.shutdown() }
        }
    }
}

/// Takes SIGHUP, which would end the program otherwise.
struct HangupService: Service {
    let logger: Logger

    func run() async throws {
        for await _ in await UnixSignalsSequence(trapping: .sighup).cancelOnGracefulShutdown() {
            logger.info(
                "SIGHUP: there is no configuration file to read again; a token file is read at every poll anyway")
        }
    }
}
