/// The reason why a certificate or a key cannot be used.
public struct CertificateError: Error, Equatable, CustomStringConvertible {
    /// The PEM text at fault.
    public enum Setting: String, Sendable {
        case certificate
        case key
        case clientCA = "client CA"
    }

    /// The PEM text at fault.
    public let setting: Setting

    /// The fault, with the name of the file if there is one. Never quotes the text.
    public let reason: String

    public var description: String { "\(setting.rawValue): \(reason)" }
}
