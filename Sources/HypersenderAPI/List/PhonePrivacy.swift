import Basics
import Crypto

/// What is kept of the phone numbers in an answer.
public enum PhonePrivacy: String, Sendable, CaseIterable {
    /// Nothing: they are dropped where the answer is read.
    case off
    /// The first 16 hexadecimal digits of HMAC-SHA-256 over the number, keyed with the token (RFC 2104).
    ///
    /// A plain hash would give the number away: there are few enough numbers to try them all.
    case hash
    /// The number as the API gives it.
    case full

    func keep(_ token: Secret) -> @Sendable (String) -> String? {
        switch self {
        case .off: { _ in nil }
        case .full: { $0 }
        case .hash:
            { number in
                token.withUTF8 { key in
                    let code = HMAC<SHA256>.authenticationCode(for: Array(number.utf8), using: SymmetricKey(data: key))
                    return code.prefix(8).reduce(into: "") { text, byte in
                        text += byte < 16 ? "0" : ""
                        text += String(byte, radix: 16)
                    }
                }
            }
        }
    }
}
