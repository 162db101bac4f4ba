import Basics
import Endpoints
import HTTPServer
import Monitoring
import ServiceLifecycle
import UnixSignals

/// Serves until the shutdown, then lets requests in flight finish.
struct ServerService: Service {
    let serve: @Sendable () async throws -> Void
    let shutdown: @Sendable () async -> Void

    /// The time that requests in flight have at a shutdown, which shall end within ten seconds.
    static let grace = Duration.seconds(9)

    func run() async throws {
        try await withTaskCancellationOrGracefulShutdownHandler {
            try await serve()
        } onCancelOrGracefulShutdown: {
            Task { await shutdown() }
        }
    }
}

/// Polls until the shutdown.
struct MonitorService: Service {
    let monitor: Monitor
    let endpoints: Endpoints

    func run() async throws {
        try await cancelWhenGracefulShutdown {
            try await monitor.run {
                // The next poll does not wait for the page of this one.
                Task {
                    await endpoints.pollEnded()
                    ProcessSetup.returnFreedMemory()
                }
            }
        }
    }
}

/// Reads the configuration again at SIGHUP, which would end the program otherwise.
struct HangupService: Service {
    let reload: @Sendable () async -> [String]

    func run() async throws {
        for await _ in await UnixSignalsSequence(trapping: .sighup).cancelOnGracefulShutdown() {
            _ = await reload()
        }
    }
}

/// Reads the web configuration file again when it has changed, as the exporter-toolkit does at each request, and the
/// certificates.
struct WebFileService: Service {
    let path: String
    let security: LiveSecurity
    let reload: @Sendable () async -> Void

    func run() async throws {
        await cancelWhenGracefulShutdown {
            var known = FileFingerprint(path: path)
            var seen = known
            while (try? await Task.sleep(for: .seconds(1))) != nil {
                let version = FileFingerprint(path: path)
                // Two looks that agree: a file that is being written is not read.
                if version != known, version == seen {
                    known = version
                    await reload()
                }
                seen = version
                // Open connections are to end if the client authority has changed, even without new ones.
                security.refresh()
            }
        }
    }
}
