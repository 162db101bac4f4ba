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

    /// Reads a flag with a parser that files share.
    mutating func value<Value>(_ flag: String, _ parser: ValueParser<Value>) -> Value? {
        optional(flag, parser.parse)
    }

    /// Reads a text as it is; it must not be blank.
    mutating func text(_ flag: String) -> String? {
        value(flag, .text)
    }

    /// Reads a switch.
    mutating func isSet(_ flag: String) -> Bool {
        value(flag, .boolean) ?? false
    }
}
