import Basics

/// Durations as Prometheus writes them: `30s`, `1m30s`, `2h`, `500ms`.
public enum PrometheusDuration {
    private static let units: [(name: String, milliseconds: Int64)] = [
        ("y", 365 * 86_400_000), ("w", 7 * 86_400_000), ("d", 86_400_000), ("h", 3_600_000), ("m", 60_000), ("s", 1000),
        ("ms", 1),
    ]

    /// Reads a duration; `nil` for another text. Units must descend, each with a whole number; `0` needs none.
    static func parse(_ text: String) -> Duration? {
        if text == "0" { return .zero }
        var rest = text.utf8[...]
        var total: Int64 = 0
        var lastUnit = -1
        while !rest.isEmpty {
            let digits = rest.prefix(while: \.isDigit)
            let name = rest.dropFirst(digits.count).prefix { (UInt8(ascii: "a")...UInt8(ascii: "z")).contains($0) }
            guard let number = Int64(Substring(digits)),
                let unit = units.firstIndex(where: { name.elementsEqual($0.name.utf8) }), unit > lastUnit
            else { return nil }
            let (part, partOverflow) = number.multipliedReportingOverflow(by: units[unit].milliseconds)
            let (sum, sumOverflow) = total.addingReportingOverflow(part)
            guard !partOverflow, !sumOverflow else { return nil }
            total = sum
            lastUnit = unit
            rest = rest.dropFirst(digits.count + name.count)
        }
        return lastUnit < 0 ? nil : .milliseconds(total)
    }

    /// Writes a duration in the same form.
    public static func format(_ duration: Duration) -> String {
        var rest = Int64(duration / .milliseconds(1))
        if rest <= 0 { return "0s" }
        var text = ""
        for unit in units where unit.name != "y" && unit.name != "w" && rest >= unit.milliseconds {
            text += "\(rest / unit.milliseconds)\(unit.name)"
            rest %= unit.milliseconds
        }
        return text
    }
}
