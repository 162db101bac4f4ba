import Basics
import Endpoints
import Glibc
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
            let memory = MemoryCare()
            try await monitor.run {
                // Nobody's next poll waits until a page is made of everybody's last.
                Task {
                    await endpoints.pollEnded()
                    memory.afterPoll()
                }
            }
        }
    }
}

/// Gives back memory that polls and their pages leave behind.
private final class MemoryCare: Sendable {
    private let polls = Atomic(0)

    func afterPoll() {
        ProcessSetup.returnFreedMemory()
        // The second poll does for the first time what a kept connection needs, and the first scrapes come later than the first poll: from
        // then on, at powers of two, the text that all of them needed once is let go of, ever more rarely.
        let count = polls.add(1, ordering: .relaxed).newValue
        if count > 1, count.nonzeroBitCount == 1 {
            ProcessSetup.releaseUnusedText()
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

    /// How often to look.
    private static let interval = Duration.seconds(1)

    func run() async throws {
        await cancelWhenGracefulShutdown {
            var known = FileFingerprint(path: path)
            var seen = known
            while true {
                do {
                    try await Task.sleep(for: Self.interval)
                } catch {
                    // The shutdown.
                    return
                }
                let version = FileFingerprint(path: path)
                // Two looks that agree: a file that is being written is not read.
                defer { seen = version }
                if version != known, version == seen {
                    known = version
                    await reload()
                }
                // Open connections are to end where the client authority has changed, also while there are no new ones.
                security.refresh()
            }
        }
    }
}
