import Basics
import Synchronization

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
            if digests.count > Self.capacity {
                digests.removeFirst()
            }
        }
    }

    /// Covers the hash, so that credentials are no longer found once the user's password has changed.
    private func digest(_ credentials: Credentials, _ hash: BcryptHash) -> MessageCode {
        // Neither hash nor password holds a NUL, so the parts cannot run into each other.
        MessageCode(of: Array("\(credentials.user ?? "")\0\(hash.text)\0".utf8) + credentials.password, key: key)
    }
}
