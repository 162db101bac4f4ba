import Basics

/// The part of phone numbers that is kept.
public enum PhonePrivacy: String, Sendable, CaseIterable {
    /// Nothing: they are dropped when the response is decoded.
    case off
    /// The first 16 hexadecimal digits of HMAC-SHA-256 over the number, keyed with the token (RFC 2104).
    ///
    /// A plain hash would give the number away: there are few enough numbers to try them all.
    case hash
    /// The number as the API gives it.
    case full

    /// Returns a function that reduces a phone number to the part that is kept.
    func keep(_ token: Secret) -> @Sendable (String) -> String? {
        switch self {
        case .off: { _ in nil }
        case .full: { $0 }
        case .hash:
            { number in
                token.code(of: number).bytes.prefix(8).map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined()
            }
        }
    }
}
