import Basics
import Testing

@testable import Settings

struct MappingDecoderTests {
    private enum Colour: String, CaseIterable {
        case red, green
    }

    /// Reads one key from a file, with all that has been found wrong.
    private func read<Value>(
        _ text: String, _ take: (MappingDecoder) -> Value?
    ) -> (value: Value?, problems: [String]) {
        let diagnostics = Diagnostics(file: "f.yml")
        let root = MappingDecoder(file: Array(text.utf8), diagnostics)
        let value = root.flatMap(take)
        root?.end()
        return (value, diagnostics.problems.map(\.description))
    }

    @Test(arguments: [
        ("k: a", "a"), ("k: 5", "5"), ("k: true", "true"), ("k: 'null'", "null"), ("k: \"\"", nil), ("k: ' '", nil),
        ("k: [a]", nil), ("k: {a: b}", nil), ("k:", nil), ("", nil),
    ])
    func textsTakeAnyScalar(text: String, expected: String?) {
        let (value, problems) = read(text) { $0.text("k") }
        #expect(value == expected)
        let isFine = expected != nil || text.isEmpty || text == "k:"
        #expect(problems.isEmpty == isFine, "\(problems)")
    }

    @Test(arguments: [
        ("true", true), ("True", true), ("TRUE", true), ("yes", true), ("on", true), ("false", false), ("no", false),
        ("OFF", false), ("tRUE", nil), ("1", nil), ("'true'", nil), ("maybe", nil),
    ])
    func flagsArePlain(text: String, expected: Bool?) {
        let (value, problems) = read("k: \(text)") { $0.flag("k") }
        #expect(value == expected)
        #expect(problems.isEmpty == (expected != nil))
    }

    @Test(arguments: [
        ("5", 5), ("-5", nil), ("0", nil), ("10", 10), ("11", nil), ("05", nil), ("+5", nil), ("'5'", nil),
        ("5.0", nil),
        ("99999999999999999999", nil), ("five", nil),
    ])
    func integersAreDecimal(text: String, expected: Int?) {
        let (value, problems) = read("k: \(text)") { $0.integer("k", 1...10) }
        #expect(value == expected)
        #expect(problems.isEmpty == (expected != nil))
        #expect(problems.allSatisfy { $0.hasPrefix("f.yml:1: k: ") && $0.contains("1 to 10") })
    }

    @Test func valuesHaveTheirForms() {
        let text = "d: 1m30s\nc: green\nl: [a, 5]\nm: {x: 1}\ns:\n  - {}\n  - {y: 2}\n"
        let (value, problems) = read(text) { root in
            let duration = root.value("d", .duration(.zero ... .seconds(100)))
            let colour = root.value("c", ValueParser<Colour>.choice())
            let list = root.texts("l")
            let x = root.mapping("m")?.text("x")
            let paths = root.mappings("s").map(\.path).joined(separator: ",")
            return "\(duration == .seconds(90)) \(colour == .green) \(list ?? []) \(x ?? "") \(paths)"
        }
        #expect(problems == [])
        #expect(value == #"true true ["a", "5"] 1 s[0],s[1]"#)
    }

    @Test func allMistakesAreToldInTheOrderOfTheFile() {
        let text = """
            accounts:
              - name: a
                tokenFile: x
              - name: [b]
                filter: {status: blue, sttus: 1}
              - plain
            wait: soon
            long: 2h
            many: x
            items: {a: b}
            "odd key\\n": 1
            wiat: 3s
            zzzzzzzz: 1
            """
        let (_, problems) = read(text) { root -> Bool? in
            _ = root.value("wait", .duration(.zero ... .seconds(60)))
            _ = root.value("long", .duration(.zero ... .seconds(60)))
            _ = root.integer("many", 1...10)
            _ = root.texts("items")
            for account in root.mappings("accounts") {
                _ = account.text("name")
                _ = account.text("token_file")
                account.require("token_file", "name the file that holds the key")
                if let filter = account.mapping("filter") {
                    _ = filter.value("status", ValueParser<Colour>.choice())
                    filter.end()
                }
                account.end()
            }
            return nil
        }
        #expect(
            problems == [
                "f.yml:2: accounts[0].token_file: is missing: name the file that holds the key",
                "f.yml:3: accounts[0].tokenFile: unknown key; did you mean token_file?",
                "f.yml:4: accounts[1].name: must be a single value, not a list or a mapping",
                "f.yml:4: accounts[1].token_file: is missing: name the file that holds the key",
                "f.yml:5: accounts[1].filter.status: \"blue\" is not one of red, green",
                "f.yml:5: accounts[1].filter.sttus: unknown key; did you mean status?",
                "f.yml:6: accounts[2]: must be a mapping: lines of the form key: value",
                "f.yml:7: wait: \"soon\" is not a duration: write it like 30s, 1m30s or 500ms",
                "f.yml:8: long: \"2h\" is out of range: it must be 0s to 1m",
                "f.yml:9: many: \"x\" is not a whole number: it must be 1 to 10",
                "f.yml:10: items: must be a list: lines that begin with a dash, or [a, b]",
                "f.yml:11: \"odd key\": unknown key; known here: accounts, items, long, many, wait",
                "f.yml:12: wiat: unknown key; did you mean wait?",
                "f.yml:13: zzzzzzzz: unknown key; known here: accounts, items, long, many, wait",
            ])
    }

    @Test func secretsAreNotQuoted() {
        let (_, problems) = read("k: hunter2\n12|abcdef: x\nl: [hunter2]\nc: 1|abcdefabcdef\n") { root -> Bool? in
            _ = root.value("k", quote: nil) { (_) throws(Problem) -> Bool in
                throw Problem("is no good")
            }
            _ = root.list("l", quote: nil) { (_) throws(Problem) -> Bool in
                throw Problem("is no good")
            }
            _ = root.value("c", ValueParser<Colour>.choice())
            return nil
        }
        #expect(
            problems == [
                "f.yml:1: k: is no good", "f.yml:2: \"<redacted>\": unknown key; known here: c, k, l",
                "f.yml:3: l[0]: is no good", "f.yml:4: c: \"<redacted>\" is not one of red, green",
            ])
    }

    @Test(arguments: ["- a", "a", "'null'"])
    func theFileMustHoldKeys(text: String) {
        #expect(
            read(text) { $0.text("k") }.problems == ["f.yml:1: must be a mapping: lines of the form key: value"])
    }

    @Test func whatYAMLRefusesIsToldToo() {
        #expect(read("k: 1\nk: 2") { $0.text("k") }.problems == ["f.yml:2: k: is given twice, first in line 1"])
    }

    @Test(arguments: [
        ("tokenfile", "token_file"), ("token-file", "token_file"), ("TokenFile", "token_file"),
        ("token_flie", "token_file"), ("tken_fil", "token_file"), ("nme", "name"), ("nam", "name"), ("x", nil),
        ("ab", nil), ("password", nil), ("", nil), (String(repeating: "a", count: 100_000), nil),
    ])
    func theNearestKeyIsFound(key: String, expected: String?) {
        #expect(KeyName.nearest(to: key, among: ["name", "token_file", "base_url"]) == expected)
    }

    @Test(arguments: [
        ("token_file", "token_file"), ("X-Frame-Options", "X-Frame-Options"), ("a.b", "\"a.b\""), ("", "\"\""),
        ("a\u{1B}[0m", "\"a [0m\""), ("al ice@example.com", "\"al ice@example.com\""),
    ])
    func keysArePrintedSafely(key: String, expected: String) {
        #expect(KeyName.shown(key) == expected)
    }
}
