import HTTPServer

extension SimulatorServer {
    /// What account the simulator plays, and how.
    public struct Configuration: Sendable {
        /// How many instances the account has, 0 to 1,000,000.
        public var instances = 12
        /// Determines names, ids, tokens and the statuses at every time.
        public var seed: UInt64 = 1
        /// The API key to accept; nil for one made from the seed, of the documented shape `NNN|secret`.
        public var token: String?
        /// Where to listen, `HOST:PORT`: a loopback address; port 0 lets the system choose.
        public var listenAddress = "127.0.0.1:0"
        /// Whether statuses change by themselves.
        public var changes = true
        /// Simulated seconds in a second: 10 lets statuses change ten times as fast.
        public var pace = 1.0
        /// The form of the list.
        public var form = ListForm.array
        /// Requests a minute: above it 429. Nil refuses none, and says 1000 in `X-RateLimit-Limit`.
        public var rateLimit: Int?
        /// Whether lists have an entity tag, and one that a request knows is answered with 304. The vendor documents neither.
        public var entityTags = false
        /// A fault in force from the start.
        public var fault: Fault?
        /// The time since the start, for tests; nil for the clock of the system.
        public var elapsed: (@Sendable () -> Duration)?

        /// A dozen instances that change, on a free port.
        public init(instances: Int = 12, seed: UInt64 = 1) {
            self.instances = instances
            self.seed = seed
        }

        /// Throws a `SimulatorError` for the first value that cannot be.
        public func validate() throws(SimulatorError) {
            _ = try validated()
        }

        /// Checks every value, and returns the address and the token to use.
        func validated() throws(SimulatorError) -> (address: ListenAddress, token: String) {
            let maximum = SimulatorServer.maximumInstances
            guard (0...maximum).contains(instances) else {
                throw SimulatorError("the number of instances is \(instances); allowed: 0 to \(maximum)")
            }
            guard pace.isFinite, (0...1_000_000).contains(pace) else {
                throw SimulatorError("the pace is \(pace); allowed: 0 to 1000000")
            }
            if case .paged(let size) = form, !(1...maximum).contains(size) {
                throw SimulatorError("the page size is \(size); allowed: 1 to \(maximum)")
            }
            if let rateLimit, rateLimit < 1 {
                throw SimulatorError("the rate limit is \(rateLimit); allowed: 1 or more")
            }
            if let token, token.isEmpty || !token.utf8.allSatisfy({ (0x21...0x7E).contains($0) }) {
                throw SimulatorError("the token is empty or has characters a header cannot carry")
            }
            return (try loopbackAddress(), token ?? Self.token(seed: seed))
        }

        private func loopbackAddress() throws(SimulatorError) -> ListenAddress {
            let address: ListenAddress
            do {
                address = try ListenAddress(listenAddress)
            } catch {
                throw SimulatorError(error.description)
            }
            let parts = address.host.split(separator: ".", omittingEmptySubsequences: false).map { UInt8($0) }
            let isIPv4Loopback = parts.count == 4 && parts.first == 127 && !parts.contains(nil)
            guard isIPv4Loopback || ["localhost", "::1"].contains(address.host) else {
                throw SimulatorError(
                    "listen address \"\(listenAddress)\" is not a loopback address, as 127.0.0.1:0, [::1]:0, localhost:0 are"
                )
            }
            return address
        }

        private static func token(seed: UInt64) -> String {
            var generator = SeededGenerator(seed: seed, stream: .max - 1)
            return "\(100 + generator.below(900))|\(generator.alphanumerics(48))"
        }
    }

    /// The most instances an account may have.
    public static let maximumInstances = 1_000_000
}

/// Why a simulator cannot be started as asked.
public struct SimulatorError: Error, Equatable, CustomStringConvertible {
    /// The reason, naming the value and what is allowed.
    public let description: String

    init(_ description: String) {
        self.description = description
    }
}
