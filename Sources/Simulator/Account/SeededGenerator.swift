/// A stream of random numbers that a seed determines wholly: SplitMix64 (Steele, Lea, Flood, 2014).
///
/// Not for secrets. The same numbers come out on every platform, which the standard library promises of no generator.
struct SeededGenerator: Sendable {
    private var state: UInt64

    init(seed: UInt64) {
        state = seed
    }

    /// A stream of its own for one of many things made from one seed, so that the things do not depend on their number.
    init(seed: UInt64, stream: UInt64) {
        var mixer = SeededGenerator(seed: seed)
        state = mixer.next() ^ (stream &* 0xD1B5_4A32_D192_ED03)
        state = next()
    }

    mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var z = state
        z = (z ^ (z >> 30)) &* 0xBF58_476D_1CE4_E5B9
        z = (z ^ (z >> 27)) &* 0x94D0_49BB_1331_11EB
        return z ^ (z >> 31)
    }

    /// The number `next()` would give, for those who need one only.
    func first() -> UInt64 {
        var copy = self
        return copy.next()
    }

    /// A number from zero up to, but not including, `bound`, which must be positive.
    mutating func below(_ bound: Int) -> Int {
        Int(next().multipliedFullWidth(by: UInt64(bound)).high)
    }

    /// A number from zero up to, but not including, one.
    mutating func unit() -> Double {
        Double(next() >> 11) * 0x1p-53
    }

    /// Letters and digits, as the secrets of the API have them.
    mutating func alphanumerics(_ count: Int) -> String {
        let alphabet = Array("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789".utf8)
        let bytes = (0..<count).map { _ in alphabet[below(alphabet.count)] }
        return String(decoding: bytes, as: UTF8.self)
    }
}
