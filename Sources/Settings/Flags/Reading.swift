import Basics
import HypersenderAPI

/// Reads values one by one, gathering every mistake on the way instead of stopping at the first.
struct Reading {
    let given: GivenValues
    private(set) var problems: [SettingsProblem] = []
    private(set) var warnings: [SettingsProblem] = []

    init(_ given: GivenValues) {
        self.given = given
    }

    mutating func report(_ place: String, _ problem: String) {
        problems.append(SettingsProblem(place, problem))
    }

    mutating func warn(_ place: String, _ warning: String) {
        warnings.append(SettingsProblem(place, warning))
    }

    /// Reads a flag with `parse`, which throws what is wrong with a text, as the end of a sentence that quotes it.
    mutating func value<Value>(
        _ flag: String, default fallback: Value, _ parse: (String) throws(ValueProblem) -> Value
    ) -> Value {
        optional(flag, parse) ?? fallback
    }

    /// Reads a flag that has no default; `quote` puts its value into messages.
    mutating func optional<Value>(
        _ flag: String, quote: (String) -> String = Redaction.quote, _ parse: (String) throws(ValueProblem) -> Value
    ) -> Value? {
        guard let given = given.given(flag), let text = given.values.last else {
            return nil
        }
        do {
            return try parse(text)
        } catch {
            report(given.place, "\(quote(text)) \(error.problem)")
            return nil
        }
    }

    /// Reads a text as it is; it must not be blank.
    mutating func text(_ flag: String) -> String? {
        optional(flag) { (text) throws(ValueProblem) in
            guard !text.allSatisfy(\.isWhitespace) else {
                throw ValueProblem("is blank: leave the flag out, or give it a value")
            }
            return text
        }
    }

    /// Reads one of the raw values of an enumeration.
    mutating func choice<Value: RawRepresentable & CaseIterable>(
        _ flag: String, default fallback: Value
    ) -> Value where Value.RawValue == String {
        value(flag, default: fallback) { (text) throws(ValueProblem) in
            guard let value = Value(rawValue: text) else {
                throw ValueProblem("is not one of \(Value.allCases.map(\.rawValue).joined(separator: ", "))")
            }
            return value
        }
    }

    /// Reads a switch.
    mutating func isSet(_ flag: String) -> Bool {
        value(flag, default: false) { (text) throws(ValueProblem) in
            switch text.lowercased() {
            case "true", "1", "yes": true
            case "false", "0", "no": false
            default: throw ValueProblem("is neither true nor false")
            }
        }
    }

    /// Reads a duration within limits.
    mutating func duration(
        _ flag: String, default fallback: Duration, _ range: ClosedRange<Duration>, _ limits: String
    ) -> Duration {
        value(flag, default: fallback) { (text) throws(ValueProblem) in
            guard let duration = PrometheusDuration.parse(text) else {
                throw ValueProblem("is not a duration: write it like 30s, 1m30s or 500ms")
            }
            guard range.contains(duration) else {
                throw ValueProblem("is out of range: it must be \(limits)")
            }
            return duration
        }
    }

    /// Reads a whole number within limits; `unit` reads what may follow its digits, as a factor.
    mutating func number(
        _ flag: String, default fallback: Int, _ range: ClosedRange<Int>, units: [String: Int] = [:], _ limits: String
    ) -> Int {
        value(flag, default: fallback) { (text) throws(ValueProblem) in
            let unit = units.first { text.hasSuffix($0.key) }
            let digits = text.dropLast(unit?.key.count ?? 0)
            guard digits.utf8.allSatisfy({ (UInt8(ascii: "0")...UInt8(ascii: "9")).contains($0) }),
                let number = Int(digits)
            else {
                throw ValueProblem("is not a whole number: it must be \(limits)")
            }
            let (value, overflow) = number.multipliedReportingOverflow(by: unit?.value ?? 1)
            guard !overflow, range.contains(value) else {
                throw ValueProblem("is out of range: it must be \(limits)")
            }
            return value
        }
    }
}

/// What is wrong with a text, as the end of a sentence that quotes it.
struct ValueProblem: Error {
    let problem: String

    init(_ problem: String) {
        self.problem = problem
    }
}
