/// A way in which the simulated API misbehaves, and for how many requests for the list.
public struct Fault: Sendable, Equatable {
    var kind: Kind
    /// The status of the answer, from 200 to 599; for `status`.
    var status = 503
    /// The value of `Retry-After`, seconds or a date; for `status`.
    var retryAfter: String?
    /// The value of `X-RateLimit-Reset`, in Unix seconds; for `status`.
    var rateLimitReset: String?
    /// The message in the JSON body; for `status`.
    var message: String?
    /// The address to send the client to; for `redirect` and `foreign-next`.
    var location: String?
    /// The size of what is large: a name, a body, the headers.
    var bytes: Int?
    /// The pause between two bytes; for `drip`.
    var interval: Duration = .seconds(1)
    /// The number of requests for the list it hits before it ends; `nil` until it is cleared.
    var count: Int?

    /// The parameters, by the name they have on the command line and in the control requests.
    enum Parameter: String, Sendable {
        case count, status, message, location, bytes, interval
        case retryAfter = "retry-after"
        case rateLimitReset = "rate-limit-reset"
    }

    init(_ kind: Kind, count: Int? = nil) {
        self.kind = kind
        self.count = count
    }

    /// Reads a fault from named parameters, as in `kind=status&status=429&retry-after=7&count=2`.
    ///
    /// A number as `kind` is short for the fault `status` with that status.
    init(parameters: [(name: String, value: String)]) throws(SimulatorError) {
        let allowedKinds = "Allowed: \(Kind.allCases.map(\.name).joined(separator: ", ")), or a status such as 503."
        guard let name = parameters.last(where: { $0.name == "kind" })?.value else {
            throw SimulatorError(description: "A fault needs a `kind`. \(allowedKinds)")
        }
        let isStatus = Int(name) != nil
        guard let kind = isStatus ? .status : Kind.allCases.first(where: { $0.name == name }) else {
            throw SimulatorError(description: "Unknown kind `\(name)`. \(allowedKinds)")
        }
        self.init(kind)
        if isStatus { try set(.status, to: name) }
        for (name, value) in parameters where name != "kind" {
            guard let parameter = Parameter(rawValue: name), ([.count] + kind.parameters).contains(parameter) else {
                let allowed = ([.count] + kind.parameters).map(\.rawValue).joined(separator: ", ")
                throw SimulatorError(description: "`\(kind.name)` does not take `\(name)`. Allowed: \(allowed).")
            }
            try set(parameter, to: value)
        }
    }

    /// Reads a fault as the command line has it: the kind, then parameters after commas, `status,status=429,count=2`.
    public init(_ text: String) throws(SimulatorError) {
        var parameters: [(name: String, value: String)] = []
        for part in text.split(separator: ",", omittingEmptySubsequences: false) {
            let halves = part.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false).map(String.init)
            guard halves.count == 2 || parameters.isEmpty else {
                throw SimulatorError(description: "`\(part)` in `\(text)` has no value. Write NAME=VALUE.")
            }
            parameters.append(halves.count == 2 ? (halves[0], halves[1]) : ("kind", halves[0]))
        }
        try self.init(parameters: parameters)
    }

    private mutating func set(_ parameter: Parameter, to value: String) throws(SimulatorError) {
        func integer(_ range: ClosedRange<Int>) throws(SimulatorError) -> Int {
            if let number = Int(value), range.contains(number) { return number }
            let allowed = "\(range.lowerBound) to \(range.upperBound)"
            throw SimulatorError(description: "`\(parameter.rawValue)` is `\(value)`. Allowed: \(allowed).")
        }
        // A line break in a header would be another header.
        func headerValue() throws(SimulatorError) -> String {
            if value.utf8.allSatisfy({ (0x20...0x7E).contains($0) }) { return value }
            throw SimulatorError(description: "`\(parameter.rawValue)` has a character a header cannot carry.")
        }
        switch parameter {
        case .count: count = try integer(1...1_000_000_000)
        case .status: status = try integer(200...599)
        case .bytes: bytes = try integer(1...(1 << 36))
        case .message: message = value
        case .retryAfter: retryAfter = try headerValue()
        case .rateLimitReset: rateLimitReset = try headerValue()
        case .location: location = try headerValue()
        case .interval:
            guard let seconds = Double(value), seconds > 0, seconds <= 3600 else {
                throw SimulatorError(description: "`interval` is `\(value)`. Allowed: seconds over 0, up to 3600.")
            }
            interval = .seconds(seconds)
        }
    }
}

extension Fault: CustomStringConvertible {
    /// As the command line has it: the kind, then what differs from the default.
    public var description: String {
        let values: [(Parameter, String?)] = [
            (.status, kind == .status ? "\(status)" : nil), (.retryAfter, retryAfter),
            (.rateLimitReset, rateLimitReset), (.message, message), (.location, location),
            (.bytes, bytes.map(String.init)), (.interval, kind == .drip ? "\(interval / .seconds(1))" : nil),
            (.count, count.map(String.init)),
        ]
        let parameters = values.compactMap { parameter, value in value.map { "\(parameter.rawValue)=\($0)" } }
        return ([kind.name] + parameters).joined(separator: ",")
    }
}
