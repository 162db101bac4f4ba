import CCrypt

/// A bcrypt hash of a password, as `htpasswd -B` writes it: `$2y$10$`, then 22 characters of salt and 31 of the hash.
struct Bcrypt: Sendable, Equatable {
    let text: String
    /// The binary logarithm of the number of rounds.
    let cost: Int

    /// Nil for what is not such a hash with a prefix of `$2a$`, `$2b$` or `$2y$`.
    init?(_ text: String) {
        let bytes = Array(text.utf8)
        guard bytes.count == 60, text.hasPrefix("$2a$") || text.hasPrefix("$2b$") || text.hasPrefix("$2y$"),
            let cost = Int(String(decoding: bytes[4..<6], as: UTF8.self)), 4...31 ~= cost,
            bytes[4..<6].allSatisfy({ (0x30...0x39).contains($0) }), bytes[6] == UInt8(ascii: "$"),
            bytes[7...].allSatisfy(Self.isDigit)
        else { return nil }
        self.text = text
        self.cost = cost
    }

    /// A hash that no password is known for, as costly as it says.
    static func dummy(cost: Int) -> Bcrypt? {
        Bcrypt("$2b$\(cost < 10 ? "0" : "")\(cost)$" + String(repeating: ".", count: 53))
    }

    private static func isDigit(_ byte: UInt8) -> Bool {
        switch byte {
        case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"), 0x30...0x39: true
        default: byte == UInt8(ascii: ".") || byte == UInt8(ascii: "/")
        }
    }

    /// Whether the hash is of this password, which has no NUL. Takes as long as its cost says: tens of milliseconds.
    ///
    /// Only the first 72 bytes count, as everywhere with bcrypt.
    func matches(_ password: [UInt8]) -> Bool {
        guard !password.contains(0) else { return false }
        // 32 KiB, too much for a thread's stack to be taken lightly. It must begin as zeros.
        let memory = UnsafeMutableRawBufferPointer.allocate(
            byteCount: MemoryLayout<crypt_data>.size, alignment: MemoryLayout<crypt_data>.alignment)
        memory.initializeMemory(as: UInt8.self, repeating: 0)
        defer { memory.deallocate() }
        guard let data = memory.baseAddress?.bindMemory(to: crypt_data.self, capacity: 1) else { return false }
        let phrase = (password.prefix(72) + [0]).map { CChar(bitPattern: $0) }
        guard let result = crypt_r(phrase, text, data) else { return false }
        return constantTimeEqual(Array(String(cString: result).utf8), Array(text.utf8))
    }
}

/// Compares without telling by its time where the first difference lies.
func constantTimeEqual(_ first: [UInt8], _ second: [UInt8]) -> Bool {
    guard first.count == second.count else { return false }
    return zip(first, second).reduce(0) { $0 | ($1.0 ^ $1.1) } == 0
}
