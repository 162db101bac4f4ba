import Exposition
import FoundationEssentials
import Monitoring
import Testing

/// The table of metrics in deploy/METRICS.md.
extension SnapshotTests {
    /// Compares the table with the families. With `UPDATE_GOLDEN` set the table is written instead.
    @Test func tableOfMetricsIsThatOfTheFamilies() throws {
        let cells = labels(in: page(Snapshot(accounts: [busy()])) + exporterPage())
        let families = Snapshot.accountFamilies + Snapshot.instanceFamilies + ExporterState.families
        let rows = families.map { family in
            let cell = cells[family.name].map { $0.isEmpty ? " " : " \($0) " } ?? " "
            return "| `\(family.name)` | \(family.type.rawValue) |\(cell)| \(family.help) |"
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

    /// The labels of each family on a page, as a cell; in parentheses those that only some of its series have.
    private func labels(in page: String) -> [String: String] {
        var samples: [String: [[String]]] = [:]
        for line in page.split(separator: "\n") where !line.hasPrefix("#") {
            guard let brace = line.firstIndex(of: "{") else {
                continue
            }
            // A quote within a value is escaped, and no value here ends in an equals sign.
            let names = line[brace...].split(separator: "\"").filter { $0.hasSuffix("=") }.map {
                String($0.dropFirst().dropLast())
            }
            let family = line[..<brace].hasSuffix("_bucket") ? line[..<brace].dropLast(7) : line[..<brace]
            samples[String(family), default: []].append(names.filter { $0 != "le" })
        }
        return samples.mapValues { samples in
            var names: [String] = []
            for name in samples.joined() where !names.contains(name) {
                names.append(name)
            }
            return names.map { name in
                samples.allSatisfy { $0.contains(name) } ? "`\(name)`" : "(`\(name)`)"
            }.joined(separator: ", ")
        }
    }
}
