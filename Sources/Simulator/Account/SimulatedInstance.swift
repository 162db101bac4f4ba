/// One element of the answer to `GET /instances`, with the fields the vendor's page documents.
public struct SimulatedInstance: Sendable, Equatable {
    /// A UUID, in lower case.
    public var id: String
    /// At most 50 characters, unique in the account.
    public var name: String
    /// In E.164 form, unique in the account.
    public var phone: String
    /// The status as it is now.
    public var status: SimulatedStatus
    /// Absent while the instance is not connected.
    public var accessToken: String?
    /// `2025-05-26T10:12:45`: no zone, as documented.
    public var createdAt: String
}
