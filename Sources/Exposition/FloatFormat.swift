extension [UInt8] {
    /// Appends a value as the reference Go encoder prints it.
    ///
    /// The shortest digits that read back to the same value, in exponent form if the decimal exponent is below -4 or
    /// at least 6, as Go's `strconv` does for `'g', -1`. Zero of either sign is `0`. OpenMetrics wants whole numbers
    /// without an exponent to end in `.0`.
    mutating func append(value: Double, openMetrics: Bool) {
        if value.magnitude < 1_000_000, value == value.rounded(.towardZero) {
            if value.magnitude < 10 {
                if value < 0 { append(UInt8(ascii: "-")) }
                append(UInt8(ascii: "0") + UInt8(value.magnitude))
            } else {
                appendDecimal(Int(value))
            }
            if openMetrics { append(ascii: ".0") }
        } else if value.isNaN {
            append(ascii: "NaN")
        } else if value.isInfinite {
            append(ascii: value < 0 ? "-Inf" : "+Inf")
        } else {
            if value < 0 { append(UInt8(ascii: "-")) }
            appendShortest(value.magnitude)
        }
    }

    /// Appends a whole number in plain decimal digits.
    mutating func appendDecimal(_ number: some BinaryInteger) {
        if number < 0 { append(UInt8(ascii: "-")) }
        var rest = UInt64(number.magnitude)
        let start = count
        repeat {
            append(UInt8(ascii: "0") + UInt8(truncatingIfNeeded: rest % 10))
            rest /= 10
        } while rest > 0
        self[start...].reverse()
    }

    /// Appends an ASCII text.
    mutating func append(ascii text: StaticString) {
        text.withUTF8Buffer { append(contentsOf: $0) }
    }

    /// Appends a positive value of at least 10⁶, or one that is not whole: a fixed-point form always has a point.
    private mutating func appendShortest(_ value: Double) {
        // The digits that Swift prints are the shortest too: `0.001`, `12.5`, `1e+16`, `5e-324`.
        let parts = value.description.utf8.split(separator: UInt8(ascii: "e"))
        let scale = parts.count > 1 ? Int(Substring(parts[1])) ?? 0 : 0
        let whole = parts[0].prefix { $0 != UInt8(ascii: ".") }
        let all = Array(whole) + parts[0].dropFirst(whole.count + 1)
        let zero = UInt8(ascii: "0")
        let leading = all.prefix { $0 == zero }.count
        let digits = all[leading..<(all.lastIndex { $0 != zero } ?? all.count - 1) + 1]
        let exponent = whole.count - leading - 1 + scale
        switch exponent {
        case 0..<6:
            append(contentsOf: digits.prefix(exponent + 1))
            append(UInt8(ascii: "."))
            append(contentsOf: digits.dropFirst(exponent + 1))
        case -4..<0:
            append(ascii: "0.")
            append(contentsOf: repeatElement(zero, count: -exponent - 1))
            append(contentsOf: digits)
        default:
            append(contentsOf: digits.prefix(1))
            if digits.count > 1 {
                append(UInt8(ascii: "."))
                append(contentsOf: digits.dropFirst())
            }
            append(ascii: exponent < 0 ? "e-" : "e+")
            if exponent.magnitude < 10 { append(zero) }
            appendDecimal(exponent.magnitude)
        }
    }
}
