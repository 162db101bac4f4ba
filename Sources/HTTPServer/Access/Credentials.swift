import Basics
import FoundationEssentials
import Synchronization

/// A user name and a password, as a client sends them with Basic authentication (RFC 7617).
struct Credentials: Sendable, Equatable {
    /// `nil` if the name is not UTF-8, so that no user has it.
    let user: String?
    let password: [UInt8]
}

extension Credentials {
    /// Parses an `Authorization` field; `nil` if it is malformed or of another scheme.
    init?(authorization field: String) {
        let text = String(field.dropFirst(6))
        // Decoding is lenient about padding.
        guard String(field.prefix(6)).isField("basic "), let decoded = Data(base64Encoded: text),
            decoded.base64EncodedString() == text, let colon = decoded.firstIndex(of: UInt8(ascii: ":"))
        else { return nil }
        user = String(validating: decoded[..<colon], as: UTF8.self)
        password = Array(decoded[(colon + 1)...])
    }
}

/// Digests of the credentials found right lately, so that not every scrape costs a bcrypt hash.
///
/// Made under a random key of this process, and compared in constant time.
final class VerifiedCredentials: Sendable {
    /// The number kept; the oldest goes first.
    static let capacity = 100

    private let key = [UInt8].randomKey()
    private let digests = Mutex<[MessageCode]>([])

    func contains(_ credentials: Credentials, _ hash: BcryptHash) -> Bool {
        let digest = digest(credentials, hash)
        return digests.withLock { $0.contains(digest) }
    }

    func insert(_ credentials: Credentials, _ hash: BcryptHash) {
        let digest = digest(credentials, hash)
        digests.withLock { digests in
            guard !digests.contains(digest) else { return }
            digests.append(digest)
            if digests.count > Self.capacity { digests.removeFirst() }
        }
    }

    /// Covers the hash, so that credentials are no longer found once the user's password has changed.
    private func digest(_ credentials: Credentials, _ hash: BcryptHash) -> MessageCode {
        // Neither hash nor password holds a NUL, so the parts cannot run into each other.
        MessageCode(of: Array("\(credentials.user ?? "")\0\(hash.text)\0".utf8) + credentials.password, key: key)
    }
}
