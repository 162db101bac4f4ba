import Basics
import FoundationEssentials
import Monitoring
import Testing

@testable import Settings

/// Holds every flag to what the table promises of it.
struct FlagTests {
    /// A value that is no flag's default, by the form of values.
    private static func sample(_ flag: Flag) -> String {
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

    /// The lines by which an account of a file gives the flags' values for itself.
    static func entries(_ flags: [Flag]) -> [String] {
        var (lines, filter): ([String], [String]) = ([], [])
        for flag in flags {
            let path = (flag.accountKey ?? "").split(separator: ".")
            let value = path == ["labels"] ? "{team: support}" : "\"\(sample(flag))\""
            let entry = "\(path.last ?? ""): \(value)"
            if path.count > 1 { filter.append(entry) } else { lines.append(entry) }
        }
        return lines + (filter.isEmpty ? [] : ["filter: {\(filter.joined(separator: ", "))}"])
    }

    private func given(_ arguments: [String], _ environment: [String: String] = [:]) -> GivenValues {
        GivenValues(arguments, environment: environment, hostName: "")
    }

    @Test func everyFlagArrivesInAPropertyOfItsOwn() {
        #expect(Set(Flag.all.map(\.name)).count == Flag.all.count)
        #expect(Set(Flag.all.map { $0.property as AnyKeyPath }).count == Flag.all.count)
        let unset = given([]).values
        for flag in Flag.all {
            let value = Self.sample(flag)
            let argument = "--\(flag.name)" + (flag.placeholder == nil ? "" : "=\(value)")
            for way in [given([argument]), given([], [flag.variable: value])] {
                #expect(way.mistakes.isEmpty, "\(way.mistakes): see `sample`")
                #expect(way.values != unset, "\(flag.name): see `sample`")
            }
        }
    }

    /// A property of no effect is written by the table of flags, by its key path, and read by nobody.
    @Test func everyPropertyIsRead() throws {
        let properties = [Mirror(reflecting: FlagValues()), Mirror(reflecting: AccountOptions.standard)].flatMap {
            $0.children.compactMap(\.label)
        }
        var read: Set<String> = []
        for file in try Repository.files(endingIn: ".swift", below: "Sources") {
            for expression in try Repository.expressions(in: file) where !expression.hasPrefix("\\") {
                let names = expression.split(separator: ".")
                read.formUnion(zip(names, names.dropFirst()).map { "\($0).\($1)" })
            }
        }
        let unread = properties.filter { property in
            !["flags", "values", "options"].contains { read.contains("\($0).\(property)") }
        }
        #expect(unread.isEmpty, "nothing in Sources names these as properties of `flags`, `values` or `options`")
    }

    @Test func badValuesAreMistakesOfTheirFlag() {
        for flag in Flag.all {
            guard let form = flag.placeholder, form.contains("|") || ["duration", "n", "size"].contains(form) else {
                continue
            }
            for value in ["-1", "x", "99999999999999999999"] {
                #expect(given(["--\(flag.name)=\(value)"]).mistakes.map(\.place) == ["--\(flag.name)"], "\(value)")
                #expect(given([], [flag.variable: value]).mistakes.map(\.place) == [flag.variable], "\(value)")
            }
        }
    }

    @Test func accountsMayHaveTheirOwn() throws {
        let text = try Repository.text("deploy/helm/hypersender-exporter/values.schema.json")
        let schema = try JSONDecoder().decode(Schema.self, from: Data(text.utf8))
        let account = try #require(schema.properties["accounts"]?.items)
        for flag in Flag.all {
            guard let key = flag.accountKey else { continue }
            let known = key.split(separator: ".").reduce(account) { $0?.properties[String($1)] }
            #expect(known != nil, "values.schema.json of the chart has no \(key) under accounts")
            let file = "accounts:\n  - name: a\n    token_env: KEY\n    \(Self.entries([flag])[0])\n"
            let diagnostics = Diagnostics(file: "f.yml")
            let settings = Settings(given(["--config.file=f.yml"], ["KEY": "1|key"]), diagnostics)
            var reader = AccountsFile(settings, diagnostics)
            let read = reader.read(Array(file.utf8))
            #expect(diagnostics.problems.isEmpty, "\(diagnostics.problems)")
            let token = TokenSource.environment(name: "KEY", try Secret("1|key"))
            var flags = settings.flags
            flags.options.name = "a"
            let plain = AccountSettings(flags, token: token, proxy: nil, settings.authorities)
            #expect(read.first.map { $0 != plain } == true)
            #expect(
                reader.texts != ["a\n\(settings.flags.accountText)"], "the configuration's hash does not notice \(key)")
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
}
