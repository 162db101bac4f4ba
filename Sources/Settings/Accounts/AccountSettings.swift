import Basics
public import HypersenderAPI

/// An account to poll.
public struct AccountSettings: Sendable, Equatable {
    /// The name that the user gave; `nil` if there is just one account, without a name.
    public let name: String?
    /// The way to ask the API for its instances.
    public private(set) var request: APIConfiguration
    /// The labels of the user's own on all its series, by name.
    public let labels: [String: String]
    /// The interval between polls.
    public let interval: Duration
    /// The age of the last successful poll at which its data is withdrawn.
    public let staleAfter: Duration

    /// Creates the settings of an account by the flags that hold for it.
    init(
        name: String?, _ flags: FlagValues, token: TokenSource, proxy: ProxySettings.Proxy?,
        _ authorities: SystemAuthorities
    ) {
        (self.name, labels, interval, staleAfter) = (name, flags.labels, flags.interval, flags.maximumAge)
        request = APIConfiguration(baseURL: flags.baseURL, token: token)
        (request.filter, request.phone) = (flags.filter, flags.phone)
        (request.proxy, request.systemAuthorities, request.caFile) = (proxy, authorities, flags.caFile)
        (request.timeout, request.maximumResponseBytes) = (flags.timeout, flags.maximumResponseBytes)
    }

    /// Whether the other settings ask for the same instances, in the same place and with the same key.
    public func hasSameInstances(as other: AccountSettings) -> Bool {
        let (own, others) = (request, other.request)
        return own.baseURL == others.baseURL && own.token == others.token && own.filter == others.filter
            && own.phone == others.phone
    }
}
