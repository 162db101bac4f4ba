/// Why security settings cannot be used.
public struct WebSecurityError: Error, Equatable, CustomStringConvertible {
    /// What of the settings is at fault.
    public enum Setting: String, Sendable {
        case certificate
        case key
        case clientCA = "client CA"
        case clientAuth = "client authentication"
        case clientNames = "allowed client names"
        case versions = "TLS versions"
        case cipherSuites = "cipher suites"
        case curves
        case headers = "header fields"
        case users
        case exemptPaths = "paths without authentication"
        case rateLimit = "rate limit"
    }

    /// Where the fault lies.
    public let setting: Setting

    /// What is wrong, in words, with the name of the file if there is one. Never says what a file or a hash contains.
    public let reason: String

    /// The setting and the reason.
    public var description: String { "\(setting.rawValue): \(reason)" }

    init(_ setting: Setting, _ reason: String) {
        self.setting = setting
        self.reason = reason
    }
}
