public import Basics
public import HypersenderAPI

/// An account to poll.
public struct AccountSettings: Sendable, Equatable {
    /// The name that the user gave; `nil` if there is just one account, without a name.
    public let name: String?
    let baseURL: BaseURL
    let token: TokenSource
    /// The rest of its settings.
    public let polling: Polling

    /// Creates the settings of an account.
    public init(name: String?, baseURL: BaseURL, token: TokenSource, polling: Polling) {
        (self.name, self.baseURL, self.token, self.polling) = (name, baseURL, token, polling)
    }

    /// Whether the other settings ask for the same instances, in the same place and with the same key.
    public func hasSameInstances(as other: AccountSettings) -> Bool {
        baseURL == other.baseURL && token == other.token && polling.filter == other.polling.filter
            && polling.phone == other.polling.phone
    }

    /// Returns the client's configuration for this account.
    ///
    /// - Throws: `ProxyError` if the proxy for the base URL cannot be used.
    public func client(userAgent: String) throws(ProxyError) -> APIConfiguration {
        var configuration = APIConfiguration(baseURL: baseURL, token: token, userAgent: userAgent)
        configuration.filter = polling.filter
        configuration.phone = polling.phone
        configuration.proxy = try polling.proxies.proxy(for: baseURL)
        configuration.caFile = polling.caFile
        configuration.systemAuthorities = polling.systemAuthorities
        configuration.timeout = polling.timeout
        configuration.maximumResponseBytes = polling.maximumResponseBytes
        return configuration
    }
}

/// The settings by which an account is polled, whatever its address.
public struct Polling: Sendable, Equatable {
    let filter: InstanceFilter
    let phone: PhonePrivacy
    let proxies: ProxySettings
    let caFile: String?
    let systemAuthorities: SystemAuthorities
    let maximumResponseBytes: Int
    /// The interval between polls.
    public let interval: Duration
    /// The timeout of a whole poll.
    public let timeout: Duration
    /// The age of the last successful poll at which its data is withdrawn.
    public let staleAfter: Duration

    init(_ flags: FlagValues, proxies: ProxySettings, authorities: SystemAuthorities) {
        (phone, caFile, maximumResponseBytes) = (flags.phone, flags.caFile, flags.maximumResponseBytes)
        (self.proxies, systemAuthorities) = (proxies, authorities)
        (filter, interval, timeout) = (flags.filter, flags.interval, flags.timeout)
        staleAfter = flags.staleAfter ?? flags.interval * 3
    }

    /// Whether polls alone would use up the API's smallest plan.
    var pollsTooOften: Bool { interval < .seconds(10) }
    static let tooOften =
        "the API's smallest plan allows 10 requests a minute, and polls spend the same budget as sent messages"

    /// Whether data is withdrawn although polls go well.
    var expiresBetweenPolls: Bool { staleAfter < interval * 1.1 }
    static let tooShort =
        "data is kept hardly longer than the poll interval, or not as long: it will be withdrawn between polls"
}
