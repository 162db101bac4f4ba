import Exposition
import HypersenderAPI
import Monitoring
import Testing

@testable import Settings

/// Tables of documents that are written from the program's own definitions. One at a time: some stand in one file.
@Suite(.serialized)
struct DocumentTests {
    @Test func metrics() throws {
        let rows = MetricFamily.all.map { family in
            // In parentheses: a label that only some of the series have.
            let labels = family.labels.map { $0 == "phone" ? "(`phone`)" : "`\($0)`" }.joined(separator: ", ")
            return
                "| `\(family.name)` | \(family.type.rawValue) |\(labels.isEmpty ? " " : " \(labels) ")| \(family.help) |"
        }
        let table = ["| name | type | labels | |", "|---|---|---|---|"] + rows
        try Repository.expect(table, in: "deploy/METRICS.md", part: "metrics")
    }

    /// Each reason has a comment of its own, which is its row.
    @Test func reasonsOfFailedPolls() throws {
        let source = try Repository.text("Sources/HypersenderAPI/Client/APIError.swift")
        var (rows, comment): ([(name: String, text: String)], [Substring]) = ([], [])
        for line in source.split(separator: "\n").map({ $0.drop { $0 == " " } }) {
            guard !line.hasPrefix("/// ") else {
                comment.append(line.dropFirst(4))
                continue
            }
            if let found = line.wholeMatch(of: #/case `?(\w+)`?(?: = "(\w+)")?/#) {
                rows.append((String(found.2 ?? found.1), comment.joined(separator: " ")))
            }
            comment = []
        }
        #expect(rows.map(\.name) == APIError.Reason.allCases.map(\.rawValue), "each is to have a line of its own")
        let table = ["| reason | what happened |", "|---|---|"] + rows.map { "| `\($0.name)` | \($0.text) |" }
        try Repository.expect(table, in: "deploy/METRICS.md", part: "reasons")
    }

    @Test func flags() throws {
        let rows = Flag.all.map { flag in
            let text = flag.defaultText.map { " \($0) |" } ?? " |"
            let choices = flag.placeholder?.split(separator: "|").map { "`\($0)`" } ?? []
            let values = choices.count > 1 ? " One of \(choices.joined(separator: ", "))." : ""
            return "| `--\(flag.name)` | `\(flag.variable)` |\(text) \(flag.help)\(values) |"
        }
        let table = ["| flag | environment variable | default | meaning |", "|---|---|---|---|"] + rows
        try Repository.expect(table, in: "deploy/CONFIGURATION.md", part: "flags")
    }

    @Test func keysOfAccounts() throws {
        let rows = Flag.all.compactMap { flag in
            flag.accountKey.map { "| `\($0)` | As `--\(flag.name)`: \(flag.help) |" }
        }
        try Repository.expect(["| key | meaning |", "|---|---|"] + rows, in: "deploy/CONFIGURATION.md", part: "keys")
    }

    /// The fuzzer of accounts files begins with one that has every key.
    @Test func aFileWithEveryKey() throws {
        let flags = Flag.all.filter { $0.accountKey != nil }
        let names = ["  - name: \"globex ☎\"", "    token_file: globex.token", "  - name: acme", "    token_env: KEY"]
        let lines = ["accounts:"] + names + FlagTests.entries(flags).map { "    \($0)" }
        try Repository.expect(lines, in: "Tests/Fuzz/Seeds/files/every-key.yml")
    }

    /// The texts that the hash of a configuration is made of, and the hash.
    @Test func theHashOfAConfiguration() throws {
        let diagnostics = Diagnostics(file: "")
        let given = GivenValues(["--config.file=f.yml"], environment: ["GLOBEX_TOKEN": "globex-key"], hostName: "")
        var file = AccountsFile(Settings(given, diagnostics), diagnostics)
        _ = file.read(
            Array("accounts: [{name: acme, token_env: GLOBEX_TOKEN}, {name: globex, token_env: GLOBEX_TOKEN}]".utf8))
        #expect(diagnostics.problems.isEmpty, "\(diagnostics.problems)")
        let texts = file.texts.flatMap { $0.split(separator: "\n").map(String.init) }
        try Repository.expect(
            texts + ["\(Configuration.hash(file.texts))"],
            in: "Tests/hypersender-exporterTests/Golden/configuration-hash.txt")
    }
}
