import Crypto
import Synchronization

/// The credentials found right lately, so that a scrape every few seconds costs no bcrypt each time.
///
/// Only digests under a random key of this process are kept: neither do they tell the passwords, nor does the time of
/// a look-up tell anything to those who do not know the key.
final class KnownPasswords: Sendable {
    private struct State {
        var digests: Set<[UInt8]> = []
        var order: [[UInt8]] = []
    }

    /// How many are kept; the oldest goes first.
    static let capacity = 100

    private let key = SymmetricKey(size: .bits256)
    private let state = Mutex(State())

    func contains(_ credentials: Credentials, _ hash: Bcrypt) -> Bool {
        let digest = digest(credentials, hash)
        return state.withLock { $0.digests.contains(digest) }
    }

    func insert(_ credentials: Credentials, _ hash: Bcrypt) {
        let digest = digest(credentials, hash)
        state.withLock { state in
            guard state.digests.insert(digest).inserted else { return }
            state.order.append(digest)
            if state.order.count > Self.capacity {
                state.digests.remove(state.order.removeFirst())
            }
        }
    }

    /// None of the parts but the last may hold a NUL, so they cannot run into each other.
    private func digest(_ credentials: Credentials, _ hash: Bcrypt) -> [UInt8] {
        var code = HMAC<SHA256>(key: key)
        code.update(data: Array((credentials.user ?? "").utf8) + [0])
        code.update(data: Array(hash.text.utf8) + [0])
        code.update(data: credentials.password)
        return Array(code.finalize())
    }
}
