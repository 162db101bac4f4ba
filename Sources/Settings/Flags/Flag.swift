import Basics

/// A setting of the program: its flag, its environment variable, and maybe its key in the accounts file.
///
/// `Flag.all` is the only place that names a flag: the command line, the environment, the accounts file, `--help` and
/// the documentation's table are read from it. A value arrives in a property of `FlagValues`.
public struct Flag: Sendable {
    /// The name, without dashes.
    let name: String
    /// The value's form; `nil` for a switch, which takes no value on the command line.
    let placeholder: String?
    /// The default in Markdown; `nil` if there is none.
    var defaultText: String?
    /// The description in Markdown.
    let help: String
    /// The path of the key that says the same of one account in a file; `nil` if there is none.
    var accountKey: String?
    /// The property of `FlagValues` that the value arrives in.
    let property: any PartialKeyPath<FlagValues> & Sendable
    /// Writes the value, to compare it.
    var text: @Sendable (FlagValues) -> String = { _ in "" }
    /// Whether several values may be given, also in one text with commas in between.
    var isRepeatable = false
    /// Quotes a value for a message about it.
    var quote: @Sendable (String) -> String = Redaction.quote
    let decode: @Sendable (_ text: String, _ values: inout FlagValues) throws(Problem) -> Void

    func with(_ change: (inout Flag) -> Void) -> Flag {
        var flag = self
        change(&flag)
        return flag
    }

    /// The environment variable: that of `--poll.interval` is `HYPERSENDER_POLL_INTERVAL`.
    var variable: String {
        let prefix = "hypersender."
        let words = name.hasPrefix(prefix) ? name.dropFirst(prefix.count) : name[...]
        // Bytes are quicker than characters, and this is done at each start.
        let bytes = words.utf8.map { ".-".utf8.contains($0) ? UInt8(ascii: "_") : $0 }
        return "HYPERSENDER_" + String(decoding: bytes, as: UTF8.self).uppercased()
    }

    /// All flags, by their names.
    static let byName = Dictionary(uniqueKeysWithValues: all.map { ($0.name, $0) })

    /// Finds the flag whose value arrives in a property.
    static func of(_ property: PartialKeyPath<FlagValues>) -> Flag? {
        all.first { $0.property == property }
    }
}

extension Flag {
    /// Creates a flag whose default is that of its property.
    init<Value>(
        _ name: String, _ parser: ValueParser<Value>, _ property: any WritableKeyPath<FlagValues, Value> & Sendable,
        account key: String? = nil, _ help: String
    ) {
        self.init(name: name, placeholder: parser.placeholder, help: help, property: property) {
            (text, values) throws(Problem) in values[keyPath: property] = try parser.parse(text)
        }
        text = { parser.format($0[keyPath: property]) }
        defaultText = parser.placeholder.map { _ in "`\(text(FlagValues()))`" }
        accountKey = key
    }

    /// Creates a flag without a default.
    init<Value>(
        _ name: String, _ parser: ValueParser<Value>, _ property: any WritableKeyPath<FlagValues, Value?> & Sendable,
        account key: String? = nil, _ help: String
    ) {
        self.init(name: name, placeholder: parser.placeholder, help: help, property: property) {
            (text, values) throws(Problem) in values[keyPath: property] = try parser.parse(text)
        }
        text = { $0[keyPath: property].map(parser.format) ?? "" }
        accountKey = key
    }
}

extension Flag {
    /// The text of `--help`, in 80 columns.
    public static var help: String {
        var entries = ""
        var previous: Substring = ""
        for flag in all {
            // Flags whose names begin alike stand together.
            let beginning = flag.name.prefix { $0 != "." && $0 != "-" }
            entries += previous == beginning ? "" : "\n"
            entries += entry(
                "--\(flag.name)", flag.placeholder, flag.help + (flag.defaultText.map { " (default: \($0))" } ?? ""))
            previous = beginning
        }
        return """
            Prometheus exporter for WhatsApp instances run through Hypersender.

            Polls the Hypersender API in the background and serves what it knows at
            /metrics. The API key comes from HYPERSENDER_TOKEN or from
            --hypersender.token-file; --demo needs none.

            Every flag also reads an environment variable: --poll.interval is
            HYPERSENDER_POLL_INTERVAL, --hypersender.base-url is HYPERSENDER_BASE_URL.
            Flags take precedence. Durations are written like 30s or 1m30s.

            Usage: hypersender-exporter [flags]
            \(entries)
            \(entry("--version", nil, "Show the version."))\(entry("-h, --help", nil, "Show this text."))
            """
    }

    private static func entry(_ name: String, _ placeholder: String?, _ text: String) -> String {
        var lines = ["  \(name)" + (placeholder.map { " <\($0)>" } ?? ""), String(repeating: " ", count: 7)]
        for word in text.replacing("`", with: "").split(separator: " ") {
            if lines[lines.count - 1].count + word.count >= 80 {
                lines.append(String(repeating: " ", count: 7))
            }
            lines[lines.count - 1] += " \(word)"
        }
        return lines.joined(separator: "\n") + "\n"
    }
}
