import Basics
package import HTTPServer

/// The settings of a simulator.
public struct SimulatorConfiguration: Sendable {
    /// The number of instances, 0 to 1,000,000.
    public var instances = 12
    /// The number that determines names, ids, tokens and the statuses at every time.
    public var seed: UInt64 = 1
    /// The accepted API key; `nil` for one made from the seed, of the documented shape `NNN|secret`.
    public var token: String?
    /// The loopback address to listen on, `HOST:PORT`; port 0 lets the system choose.
    public var listenAddress = "127.0.0.1:0"
    /// Whether statuses change by themselves.
    public var changes = true
    /// Simulated seconds in a second: 10 lets statuses change ten times as fast.
    public var pace = 1.0
    /// The form of the list.
    public var form = ListForm.array
    /// The requests a minute, 429 above; `nil` refuses none, with 1000 in `X-RateLimit-Limit`.
    public var rateLimit: Int?
    /// Whether lists have an entity tag, and a known one is answered with 304. The vendor documents neither.
    public var entityTags = false
    /// A fault that is active from the start.
    public var fault: Fault?
    /// The time since the start, for tests; `nil` for the clock of the system.
    var elapsed: (@Sendable () -> Duration)?

    /// The maximum number of instances.
    static let maximumInstances = 1_000_000

    /// A dozen instances that change, on a free port.
    public init(instances: Int = 12, seed: UInt64 = 1) {
        self.instances = instances
        self.seed = seed
    }

    /// Checks every value, and returns the address and the token to use.
    package func validated() throws(SimulatorError) -> (address: ListenAddress, token: String) {
        let maximum = Self.maximumInstances
        let address = try loopbackAddress()
        let pageSize = if case .paged(let size) = form { size } else { 1 }
        let isPrintable = token?.utf8.allSatisfy(\.isVisibleASCII) ?? true
        let checks = [
            ((0...maximum).contains(instances), "the number of instances is \(instances); allowed: 0 to \(maximum)"),
            ((0...1_000_000).contains(pace), "the pace is \(pace); allowed: 0 to 1000000"),
            ((1...maximum).contains(pageSize), "the page size is \(pageSize); allowed: 1 to \(maximum)"),
            (rateLimit ?? 1 >= 1, "the rate limit is \(rateLimit ?? 1); allowed: 1 or more"),
            (token != "" && isPrintable, "the token is empty or has characters a header cannot carry"),
        ]
        for (isValid, mistake) in checks where !isValid { throw SimulatorError(description: mistake) }
        var generator = SeededGenerator(seed: seed, stream: .max - 1)
        return (address, token ?? "\(100 + generator.below(900))|\(generator.alphanumerics(48))")
    }

    private func loopbackAddress() throws(SimulatorError) -> ListenAddress {
        do {
            let address = try ListenAddress(listenAddress)
            if IPAddress.isLoopback(host: address.host) { return address }
        } catch {
            throw SimulatorError(description: "listen address \"\(listenAddress)\": \(error)")
        }
        throw SimulatorError(
            description: "listen address \"\(listenAddress)\" is not a loopback address, such as 127.0.0.1:0, "
                + "[::1]:0 or localhost:0")
    }
}

/// The reason why a configuration or a fault is invalid, with the value and what is allowed.
public struct SimulatorError: Error, Equatable, CustomStringConvertible {
    public let description: String
}
