import CSodium

/// A keyed code over bytes: HMAC-SHA-256 (RFC 2104). Two are compared in constant time.
public struct MessageCode: Sendable, Equatable {
    /// The 32 bytes of the code.
    public let bytes: [UInt8]

    /// Makes the code of a message under a key of any length.
    public init(of message: [UInt8], key: [UInt8]) {
        var state = crypto_auth_hmacsha256_state()
        var bytes = [UInt8](repeating: 0, count: Int(crypto_auth_hmacsha256_BYTES))
        crypto_auth_hmacsha256_init(&state, key, key.count)
        crypto_auth_hmacsha256_update(&state, message, UInt64(message.count))
        crypto_auth_hmacsha256_final(&state, &bytes)
        self.bytes = bytes
    }

    public static func == (first: MessageCode, second: MessageCode) -> Bool {
        sodium_memcmp(first.bytes, second.bytes, first.bytes.count) == 0
    }
}

extension [UInt8] {
    /// Makes a key of 32 random bytes.
    public static func randomKey() -> [UInt8] {
        (0..<32).map { _ in .random(in: .min ... .max) }
    }
}
