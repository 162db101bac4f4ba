/// A way in which the simulated API misbehaves, and for how many requests for the list.
public struct Fault: Sendable, Equatable {
    /// The kind of misbehaviour.
    public var kind: Kind
    /// The status of the answer, from 200 to 599; for `status`.
    public var status = 503
    /// The value of `Retry-After`, seconds or a date; for `status`.
    public var retryAfter: String?
    /// The value of `X-RateLimit-Reset`, in Unix seconds; for `status`.
    public var rateLimitReset: String?
    /// The message in the JSON body; for `status`.
    public var message: String?
    /// The address to send the client to; for `redirect` and `foreign-next`.
    public var location: String?
    /// The size of what is large: a name, a body, the headers.
    public var bytes: Int?
    /// The pause between two bytes; for `drip`.
    public var interval: Duration = .seconds(1)
    /// The number of requests for the list it hits before it ends; `nil` until it is cleared.
    public var count: Int?

    /// A fault of this kind, everything else by default.
    public init(_ kind: Kind, count: Int? = nil) {
        self.kind = kind
        self.count = count
    }

    /// The same fault for another number of requests.
    func counting(_ count: Int?) -> Fault {
        var fault = self
        fault.count = count
        return fault
    }
}

extension Fault: CustomStringConvertible {
    /// As the command line has it: the kind, then what differs from the default.
    public var description: String {
        var parts = [kind.rawValue]
        func add(_ parameter: Parameter, _ value: String?) {
            if let value { parts.append("\(parameter.rawValue)=\(value)") }
        }
        add(.status, kind == .status ? "\(status)" : nil)
        add(.retryAfter, retryAfter)
        add(.rateLimitReset, rateLimitReset)
        add(.message, message)
        add(.location, location)
        add(.bytes, bytes.map(String.init))
        add(.interval, kind == .drip ? "\(interval / .seconds(1))" : nil)
        add(.count, count.map(String.init))
        return parts.joined(separator: ",")
    }
}
