import Glibc
import HTTPServer
public import Logging
import Synchronization

/// The documented API over a simulated account, on a loopback address.
///
/// `GET /api/whatsapp/v1/instances` (also v2) answers as the vendor's page says. Control requests under `/simulator`
/// change the account and activate faults while it runs.
public struct SimulatorServer: Sendable {
    /// The API's base URL, `http://127.0.0.1:PORT/api/whatsapp/v1`.
    public var baseURL: String { "http://\(server.addresses[0])/api/whatsapp/v1" }
    /// The URL of the control requests, `http://127.0.0.1:PORT/simulator`.
    public var controlURL: String { "http://\(server.addresses[0])/simulator" }
    /// The accepted API key.
    public let token: String

    private let server: Server
    let live: LiveSimulation

    /// Starts to listen and to answer.
    ///
    /// - Throws: `SimulatorError` for an invalid configuration, `BindError` for an address in use.
    public static func start(
        _ configuration: SimulatorConfiguration = SimulatorConfiguration(),
        logger: Logger = Logger(label: "simulator", factory: { _ in SwiftLogNoOpLogHandler() })
    ) async throws -> SimulatorServer {
        let (address, token) = try configuration.validated()
        let live = LiveSimulation(configuration, token: token)
        var limits = Limits()
        // A client may read an endless body slowly on purpose.
        limits.writeDeadline = .seconds(600)
        let server = try await Server(
            ServerConfiguration(addresses: [address], limits: limits), logger: logger, handler: live.reply)
        return SimulatorServer(token: token, server: server, live: live)
    }

    /// Returns once the server has been shut down; throws if it stops listening by itself.
    public func run() async throws {
        try await server.run()
    }

    /// Stops listening and closes every connection.
    public func shutdown() async {
        await server.shutdown(grace: .zero)
    }
}

/// A simulation behind a lock, with a clock.
final class LiveSimulation: Sendable {
    private let simulation: Mutex<Simulation>
    private let elapsed: @Sendable () -> Duration

    init(_ configuration: SimulatorConfiguration, token: String) {
        simulation = Mutex(Simulation(configuration, token: token))
        let start = ContinuousClock.now
        elapsed = configuration.elapsed ?? { start.duration(to: .now) }
    }

    /// Calls `body` with the simulation, advanced to the present.
    func update<Result: Sendable>(_ body: (inout Simulation) -> Result) -> Result {
        let now = elapsed()
        return simulation.withLock { simulation in
            simulation.advance(to: now)
            return body(&simulation)
        }
    }

    @Sendable fileprivate func reply(to request: Request) -> Reply {
        guard !request.awaitsBody else { return .afterBody }
        return update { simulation in
            do throws(RefusedRequest) {
                return try simulation.reply(to: request, unixTime: Int(time(nil)))
            } catch {
                return .now(error.response)
            }
        }
    }
}
