/// The settings of an account that its state and its series follow.
public struct AccountOptions: Sendable, Equatable {
    /// The name that the user gave; `nil` if there is just one account, without a name.
    public let name: String?
    /// The labels of the user's own on all its series, by name.
    public let labels: [String: String]
    /// The interval between polls.
    public let interval: Duration
    /// The age of the last successful poll beyond which its data is withdrawn.
    public let staleAfter: Duration
    let statusSet: StatusSet

    /// Brings together the settings.
    public init(
        name: String? = nil, labels: [String: String] = [:], interval: Duration, staleAfter: Duration,
        statusSet: StatusSet = .all
    ) {
        (self.name, self.labels, self.statusSet) = (name, labels, statusSet)
        (self.interval, self.staleAfter) = (interval, staleAfter)
    }
}
