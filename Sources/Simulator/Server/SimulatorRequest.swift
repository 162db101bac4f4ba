import HTTPServer

/// A request to the simulator, with its parameters read.
enum SimulatorRequest: Equatable {
    case list, loginPage, help, faultKinds
    case readFault
    case setFault(Fault?)
    case readRequestCount
    case addInstances(Int)
    /// The instance is given by its index in the list or its id.
    case setStatus(SimulatedStatus, instance: String, hold: Bool)
    case removeInstance(String)

    private typealias Parameters = [(name: String, value: String)]
    private typealias Parser = (Parameters) throws(RefusedRequest) -> SimulatorRequest

    init(_ request: Request) throws(RefusedRequest) {
        if let parse = Self.parser(request.method, request.path) {
            self = try parse(request.queryItems())
            return
        }
        let allowed = ["DELETE", "GET", "HEAD", "POST"].filter { Self.parser($0, request.path) != nil }
            .joined(separator: ", ")
        guard !allowed.isEmpty else { throw RefusedRequest(status: 404, "Not found.") }
        throw RefusedRequest(
            status: 405, "The method \(request.method) is not allowed here. Allowed: \(allowed).",
            headers: ["Allow": allowed])
    }

    private static func parser(_ method: String, _ path: String) -> Parser? {
        func always(_ request: SimulatorRequest) -> Parser {
            { _ throws(RefusedRequest) in request }
        }
        let one = "/simulator/instances/"
        let reference = path.hasPrefix(one) ? String(path.dropFirst(one.count)) : ""
        let isOne = !reference.isEmpty && !reference.contains("/")
        return switch (method == "HEAD" ? "GET" : method, isOne ? one : path) {
        case ("GET", "/api/whatsapp/v1/instances"), ("GET", "/api/whatsapp/v2/instances"): always(.list)
        case ("GET", "/login"): always(.loginPage)
        case ("GET", "/simulator"), ("GET", "/simulator/"): always(.help)
        case ("GET", "/simulator/faults"): always(.faultKinds)
        case ("GET", "/simulator/requests"): always(.readRequestCount)
        case ("GET", "/simulator/fault"): always(.readFault)
        case ("POST", "/simulator/fault"): setFault
        case ("DELETE", "/simulator/fault"): always(.setFault(nil))
        case ("POST", "/simulator/instances"): addInstances
        case ("POST", one) where isOne: { items throws(RefusedRequest) in try setStatus(reference, items) }
        case ("DELETE", one) where isOne: { items throws(RefusedRequest) in try remove(reference, items) }
        default: nil
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
        _ instance: String, _ parameters: Parameters
    ) throws(RefusedRequest) -> SimulatorRequest {
        let values = try values(parameters, allowed: ["status", "hold"])
        let (name, hold) = (values["status"] ?? "", values["hold"] ?? "true")
        guard let status = SimulatedStatus(rawValue: name) else {
            let allowed = SimulatedStatus.allCases.map(\.rawValue).joined(separator: ", ")
            throw RefusedRequest("`status` is `\(name)`. Allowed: \(allowed).")
        }
        guard let hold = Bool(hold) else { throw RefusedRequest("`hold` is `\(hold)`. Allowed: true, false.") }
        return .setStatus(status, instance: instance, hold: hold)
    }

    private static func remove(
        _ instance: String, _ parameters: Parameters
    ) throws(RefusedRequest) -> SimulatorRequest {
        _ = try values(parameters, allowed: [])
        return .removeInstance(instance)
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
