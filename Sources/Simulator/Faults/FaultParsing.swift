/// Why a description of a fault is not understood, and what is allowed.
public struct FaultError: Error, Equatable, CustomStringConvertible {
    /// The reason, naming the value.
    public let description: String
}

extension Fault {
    /// Reads a fault from named parameters, as in `kind=status&status=429&retry-after=7&count=2`.
    ///
    /// A number as `kind` is short for the fault `status` with that status.
    public init(parameters: [(name: String, value: String)]) throws(FaultError) {
        guard let kindText = parameters.last(where: { $0.name == "kind" })?.value else {
            throw FaultError(description: "A fault needs a `kind`. \(Self.allowedKinds)")
        }
        if let status = Int(kindText) {
            self.init(.status)
            self.status = try Self.status(status, kindText)
        } else if let kind = Kind(rawValue: kindText) {
            self.init(kind)
        } else {
            throw FaultError(description: "Unknown kind `\(kindText)`. \(Self.allowedKinds)")
        }
        for (name, value) in parameters where name != "kind" {
            guard let parameter = Parameter(rawValue: name), ([.count] + kind.parameters).contains(parameter) else {
                let allowed = ([.count] + kind.parameters).map(\.rawValue).joined(separator: ", ")
                throw FaultError(description: "`\(kind.rawValue)` does not take `\(name)`. Allowed: \(allowed).")
            }
            try set(parameter, to: value)
        }
    }

    /// Reads a fault as the command line has it: the kind, then parameters after commas, `status,status=429,count=2`.
    public init(_ text: String) throws(FaultError) {
        var parameters: [(name: String, value: String)] = []
        for part in text.split(separator: ",", omittingEmptySubsequences: false) {
            if let equals = part.firstIndex(of: "=") {
                parameters.append((String(part[..<equals]), String(part[part.index(after: equals)...])))
            } else if parameters.isEmpty {
                parameters.append(("kind", String(part)))
            } else {
                throw FaultError(description: "`\(part)` in `\(text)` has no value. Write NAME=VALUE.")
            }
        }
        try self.init(parameters: parameters)
    }

    private static var allowedKinds: String {
        "Allowed: \(Kind.allCases.map(\.rawValue).joined(separator: ", ")), or a status such as 503."
    }

    private mutating func set(_ parameter: Parameter, to value: String) throws(FaultError) {
        switch parameter {
        case .count: count = try Self.integer(value, parameter, in: 1...1_000_000_000)
        case .status: status = try Self.status(Int(value), value)
        case .bytes: bytes = try Self.integer(value, parameter, in: 1...(1 << 36))
        case .message: message = value
        case .retryAfter: retryAfter = try Self.headerValue(value, parameter)
        case .rateLimitReset: rateLimitReset = try Self.headerValue(value, parameter)
        case .location: location = try Self.headerValue(value, parameter)
        case .interval:
            guard let seconds = Double(value), seconds > 0, seconds <= 3600 else {
                throw FaultError(description: "`interval` is `\(value)`. Allowed: seconds over 0, up to 3600.")
            }
            interval = .seconds(seconds)
        }
    }

    private static func status(_ status: Int?, _ text: String) throws(FaultError) -> Int {
        guard let status, (200...599).contains(status) else {
            throw FaultError(description: "The status is `\(text)`. Allowed: 200 to 599.")
        }
        return status
    }

    private static func integer(
        _ text: String, _ parameter: Parameter, in range: ClosedRange<Int>
    ) throws(FaultError) -> Int {
        guard let number = Int(text), range.contains(number) else {
            throw FaultError(
                description:
                    "`\(parameter.rawValue)` is `\(text)`. Allowed: \(range.lowerBound) to \(range.upperBound).")
        }
        return number
    }

    /// A line break in a header would be another header.
    private static func headerValue(_ text: String, _ parameter: Parameter) throws(FaultError) -> String {
        guard text.utf8.allSatisfy({ (0x20...0x7E).contains($0) }) else {
            throw FaultError(description: "`\(parameter.rawValue)` has a character a header cannot carry.")
        }
        return text
    }
}
