/// A WhatsApp instance, as `GET /instances` lists it.
///
/// The instance's own access token is not kept, only whether there was one.
public struct Instance: Sendable, Equatable {
    /// The API's `id`: the identity of the instance, never empty.
    public let id: String
    /// The API's `name`, empty where the API gives none, cut where it is longer than the API allows by far.
    public let name: String
    /// What was asked to be kept of the phone number; nil where that is nothing, or the API gives none.
    public let phone: String?
    /// The API's `service_type`, empty where the API gives none.
    public let serviceType: String
    /// What the API says of its session.
    public let status: InstanceStatus
    /// False where the API gives null, which it documents as "not yet connected"; nil where it says neither.
    public let hasAccessToken: Bool?
    /// `created_at` in seconds since the Unix epoch; nil where it is missing or cannot be read.
    public let createdAt: Double?

    /// An instance as given; nothing is checked.
    public init(
        id: String, name: String, phone: String? = nil, serviceType: String = "whatsapp", status: InstanceStatus,
        hasAccessToken: Bool? = nil, createdAt: Double? = nil
    ) {
        self.id = id
        self.name = name
        self.phone = phone
        self.serviceType = serviceType
        self.status = status
        self.hasAccessToken = hasAccessToken
        self.createdAt = createdAt
    }

    /// Whether nothing differs, texts compared byte by byte.
    public static func == (first: Instance, second: Instance) -> Bool {
        first.status == second.status && first.hasSameFacts(as: second)
    }

    /// Whether nothing differs but the status perhaps, texts compared byte by byte.
    public func hasSameFacts(as other: Instance) -> Bool {
        hasAccessToken == other.hasAccessToken && createdAt == other.createdAt && ExactText(id) == ExactText(other.id)
            && ExactText(name) == ExactText(other.name) && ExactText(serviceType) == ExactText(other.serviceType)
            && phone.map(ExactText.init) == other.phone.map(ExactText.init)
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
