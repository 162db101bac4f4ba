public import Basics

/// The way to ask the API for one account's instances.
public struct APIConfiguration: Sendable, Equatable {
    /// The address of the API; nothing is sent anywhere else.
    public var baseURL: BaseURL
    /// The source of the key, which is read anew for each poll.
    public var token: TokenSource
    /// Sent as `User-Agent`.
    public var userAgent: String
    /// The instances to ask for.
    public var filter = InstanceFilter()
    /// The part of phone numbers that is kept.
    public var phone = PhonePrivacy.off
    /// The proxy to connect through; `nil` to connect directly.
    public var proxy: ProxySettings.Proxy?
    /// A PEM file of certificate authorities to trust besides the system's.
    public var caFile: String?
    /// The places of the system's certificate authorities.
    public var systemAuthorities = SystemAuthorities()
    /// The time that a poll may take, from the first connection to the last page.
    public var timeout = Self.defaultTimeout
    /// The maximum number of bytes of a response, decompressed, over all its pages.
    public var maximumResponseBytes = Self.defaultMaximumResponseBytes

    /// The default of `timeout`.
    public static let defaultTimeout = Duration.seconds(10)
    /// The default of `maximumResponseBytes`.
    public static let defaultMaximumResponseBytes = 64 << 20

    /// Creates the settings that hold by default.
    public init(baseURL: BaseURL, token: TokenSource, userAgent: String = "hypersender-exporter") {
        (self.baseURL, self.token, self.userAgent) = (baseURL, token, userAgent)
    }

    /// The settings of the connections that this account needs.
    public var connections: ConnectionPool.Configuration {
        ConnectionPool.Configuration(
            proxy: proxy, isEncrypted: baseURL.origin.isEncrypted, systemAuthorities: systemAuthorities, caFile: caFile,
            timeout: timeout)
    }
}
