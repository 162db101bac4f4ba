import HTTPServer

/// What a control request changes or asks.
enum ControlRequest: Equatable {
    case readFault
    case setFault(Fault?)
    case readRequestCount
    case addInstances(Int)
    case setStatus(SimulatedStatus, Reference, hold: Bool)
    case removeInstance(Reference)

    /// Which instance is meant.
    enum Reference: Equatable {
        case place(Int)
        case id(String)

        init(_ text: String) {
            self = Int(text).map(Reference.place) ?? .id(text)
        }
    }

    /// A request that is not understood; the answer is 400 with this message.
    struct Refusal: Error, Equatable {
        let message: String
    }

    /// - Returns: nil where the route is not of a control request.
    init?(_ route: Route, _ items: [(name: String, value: String)]) throws(Refusal) {
        switch route {
        case .currentFault: self = .readFault
        case .clearFault: self = .setFault(nil)
        case .requests: self = .readRequestCount
        case .setFault:
            do {
                self = .setFault(try Fault(parameters: items))
            } catch {
                throw Refusal(message: error.description)
            }
        case .addInstances:
            let values = try Self.values(items, allowed: ["count"])
            guard let count = Int(values["count"] ?? "1"), (1...SimulatorServer.maximumInstances).contains(count) else {
                throw Refusal(
                    message: "`count` is `\(values["count"] ?? "")`. Allowed: 1 to \(SimulatorServer.maximumInstances)."
                )
            }
            self = .addInstances(count)
        case .setStatus(let reference):
            let values = try Self.values(items, allowed: ["status", "hold"])
            guard let status = SimulatedStatus(rawValue: values["status"] ?? "") else {
                let allowed = SimulatedStatus.allCases.map(\.rawValue).joined(separator: ", ")
                throw Refusal(message: "`status` is `\(values["status"] ?? "")`. Allowed: \(allowed).")
            }
            guard let hold = Bool(values["hold"] ?? "true") else {
                throw Refusal(message: "`hold` is `\(values["hold"] ?? "")`. Allowed: true, false.")
            }
            self = .setStatus(status, Reference(reference), hold: hold)
        case .removeInstance(let reference):
            _ = try Self.values(items, allowed: [])
            self = .removeInstance(Reference(reference))
        case .list, .loginPage, .help, .faultKinds, .methodNotAllowed, .notFound:
            return nil
        }
    }

    private static func values(
        _ items: [(name: String, value: String)], allowed: [String]
    ) throws(Refusal) -> [String: String] {
        for (name, _) in items where !allowed.contains(name) {
            let list = allowed.isEmpty ? "none" : allowed.joined(separator: ", ")
            throw Refusal(message: "Unknown parameter `\(name)`. Allowed: \(list).")
        }
        return Dictionary(items.map { ($0.name, $0.value) }) { $1 }
    }
}
