import HTTPServer
public import Logging

/// The documented API over a simulated account, on a loopback address.
///
/// `GET /api/whatsapp/v1/instances` (also v2) answers as the vendor's page says. Control requests under `/simulator`,
/// and the methods here, change the account and activate faults while it runs.
public final class SimulatorServer: Sendable {
    /// The API's base URL, `http://127.0.0.1:PORT/api/whatsapp/v1`.
    public let baseURL: String
    /// The URL of the control requests, `http://127.0.0.1:PORT/simulator`.
    public let controlURL: String
    /// The accepted API key.
    public let token: String

    private let server: Server
    private let api: SimulatedAPI

    private init(server: Server, api: SimulatedAPI, token: String) {
        self.server = server
        self.api = api
        self.token = token
        baseURL = "http://\(server.addresses[0])/api/whatsapp/v1"
        controlURL = "http://\(server.addresses[0])/simulator"
    }

    /// Starts to listen and to answer.
    ///
    /// - Throws: `SimulatorError` for an invalid configuration, `BindError` for an address in use.
    public static func start(
        _ configuration: SimulatorConfiguration = SimulatorConfiguration(),
        logger: Logger = Logger(label: "simulator", factory: { _ in SwiftLogNoOpLogHandler() })
    ) async throws -> SimulatorServer {
        let (address, token) = try configuration.validated()
        let api = SimulatedAPI(configuration, token: token)
        var limits = Limits()
        // A client may read an endless body slowly on purpose.
        limits.writeDeadline = .seconds(600)
        let server = try await Server.start(
            ServerConfiguration(addresses: [address], limits: limits), logger: logger
        ) { request in api.reply(to: request) }
        return SimulatorServer(server: server, api: api, token: token)
    }

    /// Returns once the server has been shut down; throws if it stops listening by itself.
    public func run() async throws {
        try await server.run()
    }

    /// Stops listening, gives answers under way this long to finish, and closes every connection.
    public func shutdown(grace: Duration = .zero) async {
        await server.shutdown(grace: grace)
    }

    /// Activates a fault for the requests for the list that follow; `nil` clears it.
    public func setFault(_ fault: Fault?) {
        api.update { simulation, _ in simulation.fault = fault }
    }

    /// The active fault, with the count that is left.
    public var fault: Fault? {
        api.update { simulation, _ in simulation.fault }
    }

    /// Every instance as the next answer will show it.
    public var instances: [SimulatedInstance] {
        api.instances
    }

    /// Puts the instance at `index`, which must be in the list, into a status, which stays until it is set again.
    public func setStatus(_ status: SimulatedStatus, at index: Int) {
        api.update { simulation, now in simulation.update(now: now) { $0.setStatus(status, at: index) } }
    }

    /// The requests for the list so far.
    public var requestLog: RequestLog {
        api.update { simulation, _ in simulation.log }
    }
}
