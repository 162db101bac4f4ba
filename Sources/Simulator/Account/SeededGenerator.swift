/// A stream of random numbers that a seed determines: SplitMix64 (Steele, Lea, Flood, 2014). Not for secrets.
///
/// The same numbers come out on every platform, which no generator of the standard library promises.
struct SeededGenerator: Sendable {
    private var state: UInt64

    /// The stream of one of many things made from one seed, so that no thing depends on the number of the others.
    init(seed: UInt64, stream: UInt64) {
        state = seed
        state = next() ^ (stream &* 0xD1B5_4A32_D192_ED03)
        state = next()
    }

    mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var z = state
        z = (z ^ (z >> 30)) &* 0xBF58_476D_1CE4_E5B9
        z = (z ^ (z >> 27)) &* 0x94D0_49BB_1331_11EB
        return z ^ (z >> 31)
    }

    /// Returns a number in `0..<bound`; `bound` must be positive.
    mutating func below(_ bound: Int) -> Int {
        Int(next().multipliedFullWidth(by: UInt64(bound)).high)
    }

    /// Returns a number in `0..<1`.
    mutating func unit() -> Double {
        Double(next() >> 11) * 0x1p-53
    }

    private static let alphabet = Array("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789".utf8)

    /// Returns letters and digits, which the API's secrets consist of.
    mutating func alphanumerics(_ count: Int) -> String {
        String(decoding: (0..<count).map { _ in Self.alphabet[below(Self.alphabet.count)] }, as: UTF8.self)
    }
}
