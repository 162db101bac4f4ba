import Crypto
import Synchronization

/// Digests of the credentials found right lately, so that not every scrape costs a bcrypt hash.
///
/// Made under a random key of this process, and compared in constant time.
final class VerifiedCredentials: Sendable {
    /// The number kept; the oldest goes first.
    static let capacity = 100

    private let key = SymmetricKey(size: .bits256)
    private let digests = Mutex<[HMAC<SHA256>.MAC]>([])

    func contains(_ credentials: Credentials, _ hash: BcryptHash) -> Bool {
        let digest = digest(credentials, hash)
        return digests.withLock { $0.contains(digest) }
    }

    func insert(_ credentials: Credentials, _ hash: BcryptHash) {
        let digest = digest(credentials, hash)
        digests.withLock { digests in
            guard !digests.contains(digest) else { return }
            digests.append(digest)
            if digests.count > Self.capacity {
                digests.removeFirst()
            }
        }
    }

    /// Covers the hash, so that credentials are no longer found once the user's password has changed.
    private func digest(_ credentials: Credentials, _ hash: BcryptHash) -> HMAC<SHA256>.MAC {
        var code = HMAC<SHA256>(key: key)
        // Neither hash nor password holds a NUL, so the parts cannot run into each other.
        code.update(data: Array("\(credentials.user ?? "")\0\(hash.text)\0".utf8))
        code.update(data: credentials.password)
        return code.finalize()
    }
}
