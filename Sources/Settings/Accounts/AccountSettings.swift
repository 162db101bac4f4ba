import Basics
public import HypersenderAPI
public import Monitoring

/// An account to poll.
public struct AccountSettings: Sendable, Equatable {
    /// The way to ask the API for its instances.
    public private(set) var request: APIConfiguration
    /// The settings that its state and its series follow.
    public let options: AccountOptions

    /// Creates the settings of an account by the flags that hold for it.
    init(
        name: String?, _ flags: FlagValues, token: TokenSource, proxy: ProxySettings.Proxy?,
        _ authorities: SystemAuthorities
    ) {
        options = AccountOptions(
            name: name, labels: flags.labels, interval: flags.interval, staleAfter: flags.maximumAge,
            statusSet: flags.statusSet)
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
