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
            // The digits of bcrypt's base 64.
            text.utf8.dropFirst(7).allSatisfy({ $0.isAlphanumeric || $0.isOne(of: "./") })
        else { return nil }
        self.text = text
        self.cost = cost
    }

    /// A hash that no password is known for, which takes as long to check as any other of this cost.
    init(decoyOfCost cost: Int) {
        text = "$2b$\(Self.digits(cost))$" + String(repeating: ".", count: 53)
        self.cost = cost
    }

    private static func digits(_ cost: Int) -> String {
        cost < 10 ? "0\(cost)" : "\(cost)"
    }

    /// Whether the hash is of this password, of which 72 bytes count. Takes tens of milliseconds or more.
    func matches(_ password: [UInt8]) -> Bool {
        guard !password.contains(0) else { return false }
        // 32 KiB, too much for a thread's stack. It must begin as zeros.
        let memory = UnsafeMutableRawBufferPointer.allocate(
            byteCount: MemoryLayout<crypt_data>.size, alignment: MemoryLayout<crypt_data>.alignment)
        memory.initializeMemory(as: UInt8.self, repeating: 0)
        defer { memory.deallocate() }
        let phrase = (password.prefix(72) + [0]).map { CChar(bitPattern: $0) }
        guard let data = memory.baseAddress?.bindMemory(to: crypt_data.self, capacity: 1),
            let result = crypt_r(phrase, text, data).map({ String(cString: $0).utf8 }), result.count == text.utf8.count
        else { return false }
        // In a time that does not tell where they differ first.
        return zip(result, text.utf8).reduce(0) { $0 | ($1.0 ^ $1.1) } == 0
    }
}
