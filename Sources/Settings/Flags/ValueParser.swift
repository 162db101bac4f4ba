import Basics

/// A kind of value that flags, environment variables and files have in common.
struct ValueParser<Value>: Sendable {
    /// The value's form, for help; `nil` for a boolean.
    var placeholder: String?
    /// Writes a value, for help.
    let format: @Sendable (Value) -> String
    let parse: @Sendable (String) throws(Problem) -> Value
}

extension ValueParser where Value == String {
    /// Any text that is not blank.
    static func text(_ placeholder: String = "text") -> Self {
        ValueParser(placeholder: placeholder, format: { $0 }) { (text) throws(Problem) in
            guard !text.allSatisfy(\.isWhitespace) else {
                throw Problem("is blank: leave it out, or give it a value")
            }
            return text
        }
    }
}

extension ValueParser where Value == Bool {
    /// The words of YAML 1.1, and their meaning.
    static let booleans = ["true": true, "yes": true, "on": true, "false": false, "no": false, "off": false]

    /// One of those words in any case, or 1 or 0.
    static let boolean = ValueParser(placeholder: nil, format: { "\($0)" }) { (text) throws(Problem) in
        guard let value = booleans[text.lowercased()] ?? ["1": true, "0": false][text] else {
            throw Problem("is neither true nor false")
        }
        return value
    }
}

extension ValueParser where Value == Int {
    /// A whole number in digits, which one of the units may follow; the largest unit comes first.
    static func integer(_ range: ClosedRange<Int>, units: [(name: String, factor: Int)] = []) -> Self {
        let format: @Sendable (Int) -> String = { number in
            let unit = units.first { number >= $0.factor && number.isMultiple(of: $0.factor) }
            return unit.map { "\(number / $0.factor)\($0.name)" } ?? "\(number)"
        }
        let limits = "it must be \(format(range.lowerBound)) to \(format(range.upperBound))"
        return ValueParser(placeholder: "n", format: format) { (text) throws(Problem) in
            let unit = units.first { text.hasSuffix($0.name) }
            let digits = text.dropLast(unit?.name.count ?? 0)
            guard digits.utf8.allSatisfy(\.isDigit),
                let number = Int(digits)
            else { throw Problem("is not a whole number: \(limits)") }
            let (value, overflow) = number.multipliedReportingOverflow(by: unit?.factor ?? 1)
            guard !overflow, range.contains(value) else { throw Problem("is out of range: \(limits)") }
            return value
        }
    }

    /// A number of bytes, which may have a unit.
    static func size(_ range: ClosedRange<Int>) -> Self {
        var parser = integer(range, units: [("GiB", 1 << 30), ("MiB", 1 << 20), ("KiB", 1 << 10)])
        parser.placeholder = "size"
        return parser
    }
}

extension ValueParser where Value == Duration {
    /// A duration as Prometheus writes it.
    static func duration(_ range: ClosedRange<Duration>) -> Self {
        let (lowest, highest) = (range.lowerBound, range.upperBound)
        let limits = "\(PrometheusDuration.format(lowest)) to \(PrometheusDuration.format(highest))"
        return ValueParser(placeholder: "duration", format: PrometheusDuration.format) { (text) throws(Problem) in
            guard let duration = PrometheusDuration.parse(text) else {
                throw Problem("is not a duration: write it like 30s, 1m30s or 500ms")
            }
            guard range.contains(duration) else { throw Problem("is out of range: it must be \(limits)") }
            return duration
        }
    }
}

extension ValueParser where Value: RawRepresentable & CaseIterable & Sendable, Value.RawValue == String {
    /// One of the raw values of an enumeration.
    static func choice() -> Self {
        let names = Value.allCases.map(\.rawValue)
        return ValueParser(placeholder: names.joined(separator: "|"), format: \.rawValue) {
            (text) throws(Problem) in
            guard let value = Value(rawValue: text) else {
                throw Problem("is not one of \(names.joined(separator: ", "))")
            }
            return value
        }
    }
}
