/// A WhatsApp instance, as `GET /instances` lists it.
///
/// The instance's own access token is not kept, only whether there was one. What seldom changes is shared by all copies of an instance.
public struct Instance: Sendable, Equatable {
    /// The API's `id`: the identity of the instance, never empty.
    public var id: String { facts.id }
    /// The API's `name`, empty where the API gives none, cut where it is longer than the API allows by far.
    public var name: String { facts.name }
    /// What was asked to be kept of the phone number; nil where that is nothing, or the API gives none.
    public var phone: String? { facts.phone }
    /// The API's `service_type`, empty where the API gives none.
    public var serviceType: String { facts.serviceType }
    /// What the API says of its session.
    public let status: InstanceStatus
    /// False where the API gives null, which it documents as "not yet connected"; nil where it says neither.
    public var hasAccessToken: Bool? { facts.hasAccessToken }
    /// `created_at` in seconds since the Unix epoch; nil where it is missing or cannot be read.
    public var createdAt: Double? { facts.createdAt }

    /// All but the status.
    @usableFromInline let facts: Facts

    @usableFromInline final class Facts: Sendable {
        let id: String
        let name: String
        let phone: String?
        let serviceType: String
        let hasAccessToken: Bool?
        let createdAt: Double?

        init(
            id: String, name: String, phone: String?, serviceType: String, hasAccessToken: Bool?, createdAt: Double?
        ) {
            self.id = id
            self.name = name
            self.phone = phone
            self.serviceType = serviceType
            self.hasAccessToken = hasAccessToken
            self.createdAt = createdAt
        }
    }

    /// An instance as given; nothing is checked.
    public init(
        id: String, name: String, phone: String? = nil, serviceType: String = "whatsapp", status: InstanceStatus,
        hasAccessToken: Bool? = nil, createdAt: Double? = nil
    ) {
        self.status = status
        facts = Facts(
            id: id, name: name, phone: phone, serviceType: serviceType, hasAccessToken: hasAccessToken,
            createdAt: createdAt)
    }

    private init(_ facts: Facts, _ status: InstanceStatus) {
        self.facts = facts
        self.status = status
    }

    /// The same instance; where nothing but the status perhaps differs from `other`, it shares all else with it from now on.
    func sharing(_ other: Instance) -> Instance {
        hasSameFacts(as: other) ? Instance(other.facts, status) : self
    }

    /// Whether nothing differs, texts compared byte by byte.
    public static func == (first: Instance, second: Instance) -> Bool {
        first.status == second.status && first.hasSameFacts(as: second)
    }

    /// Whether nothing differs but the status perhaps, texts compared byte by byte.
    public func hasSameFacts(as other: Instance) -> Bool {
        if isCopy(of: other) {
            return true
        }
        let (mine, others) = (facts, other.facts)
        return mine.hasAccessToken == others.hasAccessToken && mine.createdAt == others.createdAt
            && ExactText(mine.id) == ExactText(others.id) && ExactText(mine.name) == ExactText(others.name)
            && ExactText(mine.serviceType) == ExactText(others.serviceType)
            && mine.phone.map(ExactText.init) == others.phone.map(ExactText.init)
    }

    /// Whether both are known to be the same but for the status perhaps, without a look at them. Where not, they may be the same all the same.
    @inlinable public func isCopy(of other: Instance) -> Bool {
        facts === other.facts
    }
}

/// An instance's status: one of the six that the API documents, or none of them.
public enum InstanceStatus: String, Sendable, Hashable, CaseIterable {
    case stopped = "STOPPED"
    case starting = "STARTING"
    case working = "WORKING"
    case scanQRCode = "SCAN_QR_CODE"
    case failed = "FAILED"
    case pending = "PENDING"
    /// A status outside the six. What the API called it is never used as a label.
    case unknown = "UNKNOWN"

    /// The six that the API documents and can filter by.
    public static let documented = allCases.filter { $0 != .unknown }

    /// Reads what the API sends: its spelling, to the letter.
    public init(api name: String) {
        self = Self.documented.first { ExactText($0.rawValue) == ExactText(name) } ?? .unknown
    }
}
