public import Basics

/// How to ask the API for one account's instances.
public struct APIConfiguration: Sendable, Equatable {
    /// Where the API is; nothing is sent anywhere else.
    public var baseURL: BaseURL
    /// Where the key comes from; asked anew for each poll.
    public var token: TokenSource
    /// Which instances are asked for.
    public var filter: InstanceFilter
    /// What is kept of phone numbers.
    public var phone: PhonePrivacy
    /// What to connect through; nil to connect directly.
    public var proxy: ProxySettings.Proxy?
    /// A PEM file of further certificate authorities to trust, besides the system's.
    public var caFile: String?
    /// The places of the system's certificate authorities.
    public var systemAuthorities: SystemAuthorities
    /// How long a poll may take, from the first connection to the last page.
    public var timeout: Duration
    /// How large an answer may be in bytes, decompressed, over all its pages.
    public var maxResponseBytes: Int
    /// Sent as `User-Agent`.
    public var userAgent: String

    /// Settings with what the program does by default where nothing is given.
    public init(
        baseURL: BaseURL, token: TokenSource, filter: InstanceFilter = InstanceFilter(),
        phone: PhonePrivacy = .off, proxy: ProxySettings.Proxy? = nil, caFile: String? = nil,
        systemAuthorities: SystemAuthorities = SystemAuthorities(), timeout: Duration = .seconds(10),
        maxResponseBytes: Int = 64 << 20, userAgent: String
    ) {
        self.baseURL = baseURL
        self.token = token
        self.filter = filter
        self.phone = phone
        self.proxy = proxy
        self.caFile = caFile
        self.systemAuthorities = systemAuthorities
        self.timeout = timeout
        self.maxResponseBytes = maxResponseBytes
        self.userAgent = userAgent
    }

    /// What the connections that this account is asked through must be set up for.
    public var connections: Connections.Settings {
        Connections.Settings(
            proxy: proxy,
            authorities: baseURL.scheme == "https"
                ? Connections.Authorities(system: systemAuthorities, file: caFile) : nil, timeout: timeout)
    }
}
