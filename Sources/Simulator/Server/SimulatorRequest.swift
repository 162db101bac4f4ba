import HTTPServer

/// A request to the simulator, with its parameters read.
enum SimulatorRequest: Equatable {
    case list, loginPage, help, faultKinds
    case readFault
    case setFault(Fault?)
    case readRequestCount
    case addInstances(Int)
    case setStatus(SimulatedStatus, InstanceReference, hold: Bool)
    case removeInstance(InstanceReference)

    /// An instance, by its index in the list or its id.
    enum InstanceReference: Equatable {
        case index(Int)
        case id(String)

        init(_ text: String) {
            self = Int(text).map(InstanceReference.index) ?? .id(text)
        }
    }

    private typealias Parameters = [(name: String, value: String)]
    private typealias Parser = (Parameters) throws(RefusedRequest) -> SimulatorRequest

    init(_ request: Request) throws(RefusedRequest) {
        let parts = request.path.split(separator: "/", omittingEmptySubsequences: false).dropFirst().map(String.init)
        let parsers = Self.parsers(parts)
        guard !parsers.isEmpty else { throw RefusedRequest(status: 404, "Not found.") }
        guard let parse = parsers[request.method] else {
            let allowed = parsers.keys.sorted().joined(separator: ", ")
            throw RefusedRequest(
                status: 405, "The method \(request.method) is not allowed here. Allowed: \(allowed).",
                headers: ["Allow": allowed])
        }
        self = try parse(request.queryItems())
    }

    /// Returns the parsers of a path, by method.
    private static func parsers(_ path: [String]) -> [String: Parser] {
        func reading(_ request: SimulatorRequest, others: [String: Parser] = [:]) -> [String: Parser] {
            let parser: Parser = { _ throws(RefusedRequest) in request }
            return others.merging(["GET": parser, "HEAD": parser]) { $1 }
        }
        switch path {
        case ["api", "whatsapp", "v1", "instances"], ["api", "whatsapp", "v2", "instances"]: return reading(.list)
        case ["login"]: return reading(.loginPage)
        case ["simulator"], ["simulator", ""]: return reading(.help)
        case ["simulator", "faults"]: return reading(.faultKinds)
        case ["simulator", "requests"]: return reading(.readRequestCount)
        case ["simulator", "fault"]:
            let clear: Parser = { _ throws(RefusedRequest) in .setFault(nil) }
            return reading(.readFault, others: ["POST": setFault, "DELETE": clear])
        case ["simulator", "instances"]: return ["POST": addInstances]
        case _ where path.count == 3 && path.starts(with: ["simulator", "instances"]):
            let reference = InstanceReference(path[2])
            let set: Parser = { items throws(RefusedRequest) in try setStatus(reference, items) }
            let remove: Parser = { items throws(RefusedRequest) in
                _ = try values(items, allowed: [])
                return .removeInstance(reference)
            }
            return ["POST": set, "DELETE": remove]
        default: return [:]
        }
    }

    private static func setFault(_ parameters: Parameters) throws(RefusedRequest) -> SimulatorRequest {
        do {
            return .setFault(try Fault(parameters: parameters))
        } catch {
            throw RefusedRequest(error.description)
        }
    }

    private static func addInstances(_ parameters: Parameters) throws(RefusedRequest) -> SimulatorRequest {
        let text = try values(parameters, allowed: ["count"])["count"] ?? "1"
        guard let count = Int(text), (1...SimulatorConfiguration.maximumInstances).contains(count) else {
            throw RefusedRequest("`count` is `\(text)`. Allowed: 1 to \(SimulatorConfiguration.maximumInstances).")
        }
        return .addInstances(count)
    }

    private static func setStatus(
        _ reference: InstanceReference, _ parameters: Parameters
    ) throws(RefusedRequest) -> SimulatorRequest {
        let values = try values(parameters, allowed: ["status", "hold"])
        let (name, hold) = (values["status"] ?? "", values["hold"] ?? "true")
        guard let status = SimulatedStatus(rawValue: name) else {
            let allowed = SimulatedStatus.allCases.map(\.rawValue).joined(separator: ", ")
            throw RefusedRequest("`status` is `\(name)`. Allowed: \(allowed).")
        }
        guard let hold = Bool(hold) else { throw RefusedRequest("`hold` is `\(hold)`. Allowed: true, false.") }
        return .setStatus(status, reference, hold: hold)
    }

    private static func values(
        _ parameters: Parameters, allowed: [String]
    ) throws(RefusedRequest) -> [String: String] {
        if let unknown = parameters.first(where: { !allowed.contains($0.name) }) {
            let list = allowed.isEmpty ? "none" : allowed.joined(separator: ", ")
            throw RefusedRequest("Unknown parameter `\(unknown.name)`. Allowed: \(list).")
        }
        return Dictionary(parameters.map { ($0.name, $0.value) }) { $1 }
    }

    /// The control requests, one a line.
    static let controls = """
        GET    /simulator/faults                       list the kinds of faults
        GET    /simulator/fault                        show the active fault
        POST   /simulator/fault?kind=KIND&count=N      activate a fault, for the next N list requests or until cleared
        DELETE /simulator/fault                        clear the fault
        POST   /simulator/instances?count=N            add instances (1 by default), PENDING
        POST   /simulator/instances/REF?status=STATUS  set a status; it stays, unless hold=false
        DELETE /simulator/instances/REF                remove an instance
        GET    /simulator/requests                     count the list requests served
        REF is an instance's id, or its index in the list, counted from 0. These requests need no token.
        """
}
