import ServiceLifecycle
import Simulator

/// Runs the simulator until the program is asked to end.
struct SimulatorService: Service {
    let simulator: SimulatorServer

    func run() async throws {
        try await withGracefulShutdownHandler {
            try await simulator.run()
        } onGracefulShutdown: {
            Task { await simulator.shutdown() }
        }
    }
}
