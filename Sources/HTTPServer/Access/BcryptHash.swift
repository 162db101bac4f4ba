import CCrypt

/// A bcrypt hash of a password, as `htpasswd -B` writes it: `$2y$10$`, then 22 characters of salt and 31 of the hash.
public struct BcryptHash: Sendable, Hashable {
    let text: String

    /// The binary logarithm of the number of rounds, 4 to 31.
    public let cost: Int

    /// Parses a hash; `nil` for anything but a bcrypt hash that begins with `$2a$`, `$2b$` or `$2y$`.
    public init?(_ text: String) {
        guard text.utf8.count == 60, ["$2a$", "$2b$", "$2y$"].contains(where: text.hasPrefix),
            let cost = (4...31).first(where: { text.utf8.dropFirst(4).starts(with: "\(Self.digits($0))$".utf8) }),
            text.utf8.dropFirst(7).allSatisfy(Self.isDigit)
        else { return nil }
        self.init(text: text, cost: cost)
    }

    private init(text: String, cost: Int) {
        self.text = text
        self.cost = cost
    }

    /// Returns a hash that no password is known for, which takes as long to check as any other of this cost.
    static func decoy(cost: Int) -> BcryptHash {
        BcryptHash(text: "$2b$\(digits(cost))$" + String(repeating: ".", count: 53), cost: cost)
    }

    private static func digits(_ cost: Int) -> String {
        cost < 10 ? "0\(cost)" : "\(cost)"
    }

    /// Whether a byte is a digit of bcrypt's base 64, which begins with a point and a slash.
    private static func isDigit(_ byte: UInt8) -> Bool {
        switch byte {
        case UInt8(ascii: ".")...UInt8(ascii: "9"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
            UInt8(ascii: "a")...UInt8(ascii: "z"):
            true
        default: false
        }
    }

    /// Whether the hash is of this password. Takes tens of milliseconds or more, as its cost says.
    ///
    /// Only the first 72 bytes count, as everywhere with bcrypt. A password with a NUL is never right.
    func matches(_ password: [UInt8]) -> Bool {
        guard !password.contains(0) else { return false }
        // 32 KiB, too much for a thread's stack. It must begin as zeros.
        let memory = UnsafeMutableRawBufferPointer.allocate(
            byteCount: MemoryLayout<crypt_data>.size, alignment: MemoryLayout<crypt_data>.alignment)
        memory.initializeMemory(as: UInt8.self, repeating: 0)
        defer { memory.deallocate() }
        let phrase = (password.prefix(72) + [0]).map { CChar(bitPattern: $0) }
        guard let data = memory.baseAddress?.bindMemory(to: crypt_data.self, capacity: 1),
            let result = crypt_r(phrase, text, data)
        else { return false }
        return Self.constantTimeEqual(Array(String(cString: result).utf8), Array(text.utf8))
    }

    /// Whether both are equal, in a time that does not tell where they differ first.
    private static func constantTimeEqual(_ first: [UInt8], _ second: [UInt8]) -> Bool {
        first.count == second.count && zip(first, second).reduce(0) { $0 | ($1.0 ^ $1.1) } == 0
    }
}
