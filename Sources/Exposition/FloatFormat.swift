extension [UInt8] {
    /// Appends a value as the reference Go encoder prints it.
    ///
    /// The shortest digits that read back to the same value, in exponent form if the decimal exponent is below -4 or
    /// at least 6, as Go's `strconv` does for `'g', -1`. Zero of either sign is `0`. OpenMetrics wants whole numbers
    /// without an exponent to end in `.0`.
    mutating func append(value: Double, openMetrics: Bool) {
        if value.magnitude < 1_000_000, value == value.rounded(.towardZero) {
            if value.magnitude < 10 {
                if value < 0 {
                    append(UInt8(ascii: "-"))
                }
                append(UInt8(ascii: "0") + UInt8(value.magnitude))
            } else {
                appendDecimal(Int(value))
            }
            if openMetrics {
                append(ascii: ".0")
            }
        } else if value.isNaN {
            append(ascii: "NaN")
        } else if value.isInfinite {
            append(ascii: value < 0 ? "-Inf" : "+Inf")
        } else {
            if value < 0 {
                append(UInt8(ascii: "-"))
            }
            append(digits: ShortestDigits(value.magnitude))
        }
    }

    /// Appends a whole number in plain decimal digits.
    mutating func appendDecimal(_ number: some BinaryInteger) {
        if number < 0 {
            append(UInt8(ascii: "-"))
        }
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

    /// Appends a value of at least 10⁶, or one that is not whole: so that a fixed-point form always has a point.
    private mutating func append(digits number: ShortestDigits) {
        let exponent = number.exponent
        if exponent < -4 || exponent >= 6 {
            append(number.digit(0))
            if number.count > 1 {
                append(UInt8(ascii: "."))
                for index in 1..<number.count {
                    append(number.digit(index))
                }
            }
            append(UInt8(ascii: "e"))
            append(UInt8(ascii: exponent < 0 ? "-" : "+"))
            if exponent.magnitude < 10 {
                append(UInt8(ascii: "0"))
            }
            appendDecimal(exponent.magnitude)
        } else if exponent < 0 {
            append(ascii: "0.")
            for _ in exponent + 1..<0 {
                append(UInt8(ascii: "0"))
            }
            for index in 0..<number.count {
                append(number.digit(index))
            }
        } else {
            for index in 0..<number.count {
                if index == exponent + 1 {
                    append(UInt8(ascii: "."))
                }
                append(number.digit(index))
            }
        }
    }
}

/// The shortest decimal digits of a finite, positive value, and the decimal exponent of the first of them.
private struct ShortestDigits {
    private var digits = InlineArray<20, UInt8>(repeating: 0)
    private(set) var count = 0
    let exponent: Int

    /// Reads the digits that Swift prints, which are the shortest too: `0.001`, `12.5`, `1e+16`, `5e-324`.
    init(_ value: Double) {
        let description = value.description
        var text = description.utf8[...]
        var scale = 0
        if let mark = text.firstIndex(of: UInt8(ascii: "e")) {
            scale = Int(Substring(text[text.index(after: mark)...])) ?? 0
            text = text[..<mark]
        }
        var (leadingZeros, pointAt) = (0, Int?.none)
        for byte in text {
            if byte == UInt8(ascii: ".") {
                pointAt = leadingZeros + count
            } else if byte == UInt8(ascii: "0") && count == 0 {
                leadingZeros += 1
            } else {
                digits[count] = byte
                count += 1
            }
        }
        exponent = (pointAt ?? leadingZeros + count) - leadingZeros - 1 + scale
        while count > 1 && digits[count - 1] == UInt8(ascii: "0") {
            count -= 1
        }
    }

    func digit(_ index: Int) -> UInt8 { digits[index] }
}
