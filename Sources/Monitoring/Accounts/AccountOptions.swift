/// The settings of an account that its state and its series follow. Flags and the accounts file write to them.
public struct AccountOptions: Sendable, Equatable {
    /// The name that the user gave; `nil` if there is just one account, without a name.
    public var name: String?
    /// The labels of the user's own on all its series, by name.
    public var labels: [String: String] = [:]
    /// The interval between polls.
    public var interval = Duration.seconds(30)
    /// The age of the last successful poll beyond which its data is withdrawn; three intervals if `nil`.
    public var staleAfter: Duration?
    /// The status series of an instance.
    public var statusSet = StatusSet.all

    /// The settings that hold by default.
    public static let standard = AccountOptions()

    /// The age of the last successful poll beyond which its data is withdrawn.
    public var maximumAge: Duration { staleAfter ?? interval * 3 }
}
