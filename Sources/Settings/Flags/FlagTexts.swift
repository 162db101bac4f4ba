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
            Flags win. Durations are written like 30s or 1m30s.

            Usage: hypersender-exporter [flags]
            \(entries)
            \(entry("--version", nil, "Show the version."))\(entry("-h, --help", nil, "Show this text."))
            """
    }

    /// The documentation's table.
    static var table: String {
        "| flag | environment variable | default | meaning |\n|---|---|---|---|\n"
            + all.map { flag in
                let text = flag.defaultText.map { " \($0) |" } ?? " |"
                return "| `--\(flag.name)` | `\(flag.variable)` |\(text) \(flag.help) |\n"
            }.joined()
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
