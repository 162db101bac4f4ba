import Basics
public import HypersenderAPI
public import Monitoring

/// An account to poll.
public struct AccountSettings: Sendable, Equatable {
    /// The way to ask the API for its instances.
    public private(set) var request: APIConfiguration
    /// The settings that its state and its series follow.
    public private(set) var options: AccountOptions

    /// Creates the settings of an account by the flags that hold for it.
    init(_ flags: FlagValues, token: TokenSource, proxy: ProxySettings.Proxy?, _ authorities: SystemAuthorities) {
        options = flags.options
        // To write the default into the file changes nothing at a reload.
        options.staleAfter = options.maximumAge
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
