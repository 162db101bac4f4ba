import Basics
import FoundationEssentials
import Testing

@testable import Settings

/// Holds every flag to what the table promises of it.
struct FlagTests {
    private static let top = #filePath.split(separator: "/", omittingEmptySubsequences: false).dropLast(3)
        .joined(separator: "/")
    /// The file with the table of flags, between the lines `<!-- flags -->` and `<!-- /flags -->`.
    private static let documentation = "\(top)/deploy/CONFIGURATION.md"

    private var table: String {
        "| flag | environment variable | default | meaning |\n|---|---|---|---|\n"
            + Flag.all.map { flag in
                let text = flag.defaultText.map { " \($0) |" } ?? " |"
                return "| `--\(flag.name)` | `\(flag.variable)` |\(text) \(flag.help) |\n"
            }.joined()
    }

    private func text(_ path: String) throws -> String {
        String(decoding: try Data(contentsOf: URL(filePath: path)), as: UTF8.self)
    }

    /// A value that is no flag's default, by the form of values.
    private func sample(_ flag: Flag) -> String {
        switch flag.placeholder {
        case nil: "true"
        case "duration": "77s"
        case "n", "size": "7777"
        case "host:port": ":7"
        case "url": "https://h.test/x"
        case "status": "WORKING"
        case "path": "/p"
        case "name=value": "team=support"
        case let choices? where choices.contains("|"): String(choices.split(separator: "|").last ?? "")
        default: "text"
        }
    }

    @Test func everyFlagArrivesInAPropertyOfItsOwn() {
        #expect(Set(Flag.all.map(\.name)).count == Flag.all.count)
        #expect(Set(Flag.all.map { $0.property as AnyKeyPath }).count == Flag.all.count)
        for flag in Flag.all {
            let value = sample(flag)
            for given in [
                GivenValues(flags: [flag.name: [value]], environment: [:]),
                GivenValues(flags: [:], environment: [flag.variable: value]),
            ] {
                let diagnostics = Diagnostics()
                let values = given.decode(diagnostics)
                #expect(diagnostics.problems.isEmpty, "\(diagnostics.problems): see `sample`")
                #expect(values != GivenValues(flags: [:], environment: [:]).decode(diagnostics), "\(flag.name)")
            }
        }
    }

    @Test func accountsMayHaveTheirOwn() throws {
        let schema = try JSONDecoder().decode(
            Schema.self,
            from: Data(contentsOf: URL(filePath: "\(Self.top)/deploy/helm/hypersender-exporter/values.schema.json")))
        let account = schema.properties["accounts"]?.items?.properties ?? [:]
        let example = try text("\(Self.top)/Tests/Fuzz/Seeds/files/every-key.yml")
        let flags = Flag.all.filter { $0.accountKey != nil }
        #expect(flags.count == 9, "this number is to be raised for a new one")
        let documented = try text(Self.documentation)
        for flag in flags {
            let path = (flag.accountKey ?? "").split(separator: ".").map(String.init)
            let properties = path.count > 1 ? account[path[0]]?.properties ?? [:] : account
            let key = path.last ?? ""
            #expect(properties[key] != nil, "the chart's schema has no \(key)")
            #expect(example.contains("\(key): "), "every-key.yml has no \(key)")
            #expect(documented.contains("`\(key)`"), "the table of keys in deploy/CONFIGURATION.md has no \(key)")
            let value = key == "labels" ? "{team: support}" : "\"\(sample(flag))\""
            let file =
                "accounts:\n  - name: a\n    token_env: KEY\n    "
                + (path.count > 1 ? "filter: {\(key): \(value)}\n" : "\(key): \(value)\n")
            let settings = try Settings(
                GivenValues(flags: ["config.file": ["f.yml"]], environment: ["KEY": "1|key"]))
            let diagnostics = Diagnostics(file: "f.yml")
            var reader = AccountsFile(settings, diagnostics)
            let read = reader.read(Array(file.utf8))
            #expect(diagnostics.problems.isEmpty, "\(diagnostics.problems)")
            let token = TokenSource.environment(name: "KEY", try Secret("1|key"))
            let plain = AccountSettings(name: "a", settings.flags, token: token, proxy: nil, settings.authorities)
            #expect(read.first.map { $0 != plain } == true)
        }
    }

    private final class Schema: Decodable {
        let properties: [String: Schema]
        let items: Schema?

        enum CodingKeys: CodingKey {
            case properties, items
        }

        init(from decoder: any Decoder) throws {
            let container = try decoder.container(keyedBy: CodingKeys.self)
            properties = (try? container.decode([String: Schema].self, forKey: .properties)) ?? [:]
            items = try? container.decode(Schema.self, forKey: .items)
        }
    }

    @Test func theHelpFitsOnATerminal() {
        #expect(Flag.help.split(separator: "\n").allSatisfy { $0.count <= 80 })
        #expect(Flag.all.allSatisfy { Flag.help.contains("  --\($0.name)") })
        #expect(Flag.help.contains("  --poll.interval <duration>\n        Interval between polls"))
    }

    /// Compares the table with the flags. With `UPDATE_GOLDEN` set the table is written instead.
    @Test func theDocumentedTableIsThatOfTheProgram() throws {
        let text = try text(Self.documentation)
        let (beginning, end) = ("<!-- flags -->\n", "<!-- /flags -->\n")
        let parts = text.split(separator: beginning, maxSplits: 1, omittingEmptySubsequences: false)
        let rest = try #require(parts.last?.split(separator: end, maxSplits: 1, omittingEmptySubsequences: false))
        try #require(parts.count == 2 && rest.count == 2, "the markers are missing")
        if ProcessInfo.processInfo.environment["UPDATE_GOLDEN"] != nil {
            let new = "\(parts[0])\(beginning)\(table)\(end)\(rest[1])"
            try Data(new.utf8).write(to: URL(filePath: Self.documentation))
        } else {
            let isDocumented = String(rest[0]) == table
            #expect(isDocumented, "UPDATE_GOLDEN=1 swift test --filter FlagTests writes the table anew.")
        }
    }
}
