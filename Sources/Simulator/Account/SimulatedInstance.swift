/// An element of the answer to `GET /instances`, with the fields that the vendor's page documents.
public struct SimulatedInstance: Sendable, Equatable {
    /// A UUID, in lower case.
    public var id: String
    /// At most 50 characters, unique in the account.
    public var name: String
    /// In E.164 form, unique in the account.
    public var phone: String
    /// The present status.
    public var status: SimulatedStatus
    /// The instance's own token; `nil` while it is not connected.
    public var accessToken: String?
    /// A time such as `2025-05-26T10:12:45`, without a zone, as documented.
    public var createdAt: String
}
