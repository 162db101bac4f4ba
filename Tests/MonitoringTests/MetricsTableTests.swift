import Exposition
import FoundationEssentials
import Monitoring
import Testing

/// The table of metrics in deploy/METRICS.md.
extension SnapshotTests {
    /// Compares the table with the families. With `UPDATE_GOLDEN` set the table is written instead.
    @Test func tableOfMetricsIsThatOfTheFamilies() throws {
        let rows = MetricFamily.all.map { family in
            // In parentheses: a label that only some of the series have.
            let labels = family.labels.map { $0 == "phone" ? "(`phone`)" : "`\($0)`" }.joined(separator: ", ")
            return
                "| `\(family.name)` | \(family.type.rawValue) |\(labels.isEmpty ? " " : " \(labels) ")| \(family.help) |"
        }
        let table = ["| name | type | labels | |", "|---|---|---|---|"] + rows
        let top = #filePath.split(separator: "/", omittingEmptySubsequences: false).dropLast(3).joined(separator: "/")
        let document = URL(filePath: "\(top)/deploy/METRICS.md")
        let lines = String(decoding: try Data(contentsOf: document), as: UTF8.self).split(
            separator: "\n", omittingEmptySubsequences: false
        ).map(String.init)
        let marks = ["<!-- metrics -->", "<!-- /metrics -->"].compactMap { lines.firstIndex(of: $0) }
        try #require(marks.count == 2)
        if ProcessInfo.processInfo.environment["UPDATE_GOLDEN"] != nil {
            let text = (lines[...marks[0]] + table + lines[marks[1]...]).joined(separator: "\n")
            try Data(text.utf8).write(to: document)
        } else {
            #expect(Array(lines[(marks[0] + 1)..<marks[1]]) == table, "write it anew: UPDATE_GOLDEN=1 swift test")
        }
    }
}
