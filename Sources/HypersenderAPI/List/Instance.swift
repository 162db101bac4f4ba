/// A WhatsApp instance, as `GET /instances` lists it.
///
/// The instance's own access token is not kept, only whether there was one. All copies share everything but the status.
public struct Instance: Sendable, Equatable {
    /// The fields that seldom change, besides id and name.
    public struct Details: Sendable {
        /// The part of the phone number that is kept; `nil` if that is nothing, or the API gives none.
        public var phone: String?
        /// The API's `service_type`, empty if the API gives none.
        public var serviceType = "whatsapp"
        /// False if the API gives null, which it documents as "not yet connected"; `nil` if it says neither.
        public var hasAccessToken: Bool?
        /// `created_at` in seconds since the Unix epoch; `nil` if it is missing or cannot be read.
        public var createdAt: Double?
    }

    @usableFromInline final class Facts: Sendable {
        let id: String
        let name: String
        @usableFromInline let details: Details

        init(id: String, name: String, details: Details) {
            (self.id, self.name, self.details) = (id, name, details)
        }
    }

    /// The API's `id`: the identity of the instance, never empty.
    public var id: String { facts.id }
    /// The API's `name`, empty if the API gives none, cut if it is longer than the API allows by far.
    public var name: String { facts.name }
    /// The fields that seldom change, besides id and name.
    @inlinable public var details: Details { facts.details }
    /// The state of its session.
    public let status: InstanceStatus
    /// All but the status.
    @usableFromInline let facts: Facts

    /// Takes the fields as given; nothing is checked.
    init(id: String, name: String, status: InstanceStatus, details: Details = Details()) {
        self.init(Facts(id: id, name: name, details: details), status)
    }

    private init(_ facts: Facts, _ status: InstanceStatus) {
        (self.facts, self.status) = (facts, status)
    }

    /// Returns the same instance, which shares all but the status with `other` if nothing else differs.
    func sharing(_ other: Instance) -> Instance {
        hasSameFacts(as: other) ? Instance(other.facts, status) : self
    }

    public static func == (first: Instance, second: Instance) -> Bool {
        first.status == second.status && first.hasSameFacts(as: second)
    }

    /// Whether nothing differs but the status perhaps, texts compared byte by byte.
    @inlinable public func hasSameFacts(as other: Instance) -> Bool {
        facts === other.facts || hasEqualFacts(other)
    }

    @usableFromInline func hasEqualFacts(_ other: Instance) -> Bool {
        let (mine, others) = (details, other.details)
        return mine.hasAccessToken == others.hasAccessToken && mine.createdAt == others.createdAt
            && UTF8Key(id) == UTF8Key(other.id) && UTF8Key(name) == UTF8Key(other.name)
            && UTF8Key(mine.serviceType) == UTF8Key(others.serviceType)
            && mine.phone.map(UTF8Key.init) == others.phone.map(UTF8Key.init)
    }
}

/// An instance's status: one of the six that the API documents, or none of them.
public enum InstanceStatus: String, Sendable, Hashable, CaseIterable {
    /// It is stopped, and still logged in.
    case stopped = "STOPPED"
    /// It starts, which normally takes seconds.
    case starting = "STARTING"
    /// The session is up, which does not prove that messages are delivered.
    case working = "WORKING"
    /// It waits for a person to scan the code.
    case scanQRCode = "SCAN_QR_CODE"
    /// It has probably lost its authorisation.
    case failed = "FAILED"
    /// It waits for a server.
    case pending = "PENDING"
    /// A status outside the six. The API's word for it is never used as a label.
    case unknown = "UNKNOWN"

    /// The six that the API documents and can filter by.
    public static let documented = allCases.filter { $0 != .unknown }

    /// Reads the API's spelling, to the letter.
    init(api name: String) {
        let status = Self(rawValue: name) ?? .unknown
        self = UTF8Key(status.rawValue) == UTF8Key(name) ? status : .unknown
    }
}
