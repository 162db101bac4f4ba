import HTTPServer
public import Logging

/// The documented API over a simulated account, on a loopback address.
///
/// `GET /api/whatsapp/v1/instances` (also v2) answers as the vendor's page says; control requests under `/simulator`
/// and the methods here change the account and put faults in force while it runs.
public final class SimulatorServer: Sendable {
    /// `http://127.0.0.1:PORT/api/whatsapp/v1`
    public let baseURL: String
    /// Where the control requests are: `http://127.0.0.1:PORT/simulator`
    public let controlURL: String
    /// The API key that is accepted.
    public let token: String

    private let server: Server
    private let core: SimulatorCore

    private init(server: Server, core: SimulatorCore, token: String) {
        self.server = server
        self.core = core
        self.token = token
        baseURL = "http://\(server.addresses[0])/api/whatsapp/v1"
        controlURL = "http://\(server.addresses[0])/simulator"
    }

    /// Listens, and answers from then on.
    ///
    /// Throws `SimulatorError` for a configuration that cannot be, `BindError` for an address in use.
    public static func start(
        _ configuration: Configuration = Configuration(),
        logger: Logger = Logger(label: "simulator", factory: { _ in SwiftLogNoOpLogHandler() })
    ) async throws -> SimulatorServer {
        let (address, token) = try configuration.validated()
        let core = SimulatorCore(configuration, token: token)
        var limits = Limits()
        // Whoever reads an endless body slowly on purpose is not to be cut short by us.
        limits.writeDeadline = .seconds(600)
        let server = try await Server.start(
            ServerConfiguration(addresses: [address], limits: limits), logger: logger
        ) { request in core.reply(to: request) }
        return SimulatorServer(server: server, core: core, token: token)
    }

    /// Returns once the server has been shut down; throws if it stops listening by itself.
    public func run() async throws {
        try await server.run()
    }

    /// Stops listening, gives answers under way this long to finish, and closes every connection.
    public func shutdown(grace: Duration = .zero) async {
        await server.shutdown(grace: grace)
    }

    // MARK: Control

    /// Puts a fault in force for the requests for the list that follow; nil clears it.
    public func setFault(_ fault: Fault?) {
        core.update { $0.setFault(fault) }
    }

    /// The fault in force, with the count that is left.
    public var fault: Fault? {
        core.update { $0.fault }
    }

    /// Every instance as the next answer will show it.
    public var instances: [SimulatedInstance] {
        core.instances
    }

    /// Puts the instance at a place in the list into a status, which stays if `hold`; false if there is no such place.
    @discardableResult
    public func setStatus(_ status: SimulatedStatus, at index: Int, hold: Bool = true) -> Bool {
        core.account { account in
            guard (0..<account.count).contains(index) else { return false }
            account.setStatus(status, at: index, hold: hold)
            return true
        }
    }

    /// Adds PENDING instances at the end of the list.
    public func addInstances(_ count: Int = 1) {
        core.account { $0.add(min(count, Self.maximumInstances - $0.count)) }
    }

    /// Removes the instance at a place in the list; false if there is no such place.
    @discardableResult
    public func removeInstance(at index: Int) -> Bool {
        core.account { account in
            guard (0..<account.count).contains(index) else { return false }
            account.remove(at: index)
            return true
        }
    }

    /// The requests for the list so far.
    public var requestLog: RequestLog {
        core.update { $0.log }
    }

    /// Returns once this many requests for the list have arrived since the start, or the task is cancelled.
    public func waitForRequests(_ count: Int) async {
        await core.waitForRequests(count)
    }
}
