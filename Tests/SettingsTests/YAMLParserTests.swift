import Testing

@testable import Settings

struct YAMLParserTests {
    private func parse(_ text: String) throws -> YAMLNode? {
        let diagnostics = Diagnostics(file: "f.yml")
        let root = YAMLParser.parse(Array(text.utf8), diagnostics)
        try #require(diagnostics.problems.isEmpty && root != nil, "\(diagnostics.problems)")
        return root
    }

    private func problems(_ bytes: [UInt8]) -> [String] {
        let diagnostics = Diagnostics(file: "f.yml")
        _ = YAMLParser.parse(bytes, diagnostics)
        return diagnostics.problems.map(\.description)
    }

    private static func plain(_ text: String, _ line: Int) -> YAMLNode { .scalar(text, isPlain: true, line: line) }

    private static func text(_ text: String, _ line: Int) -> YAMLNode { .scalar(text, isPlain: false, line: line) }

    @Test func treesKeepOrderLinesAndQuotes() throws {
        let root = try parse(
            """
            # A comment.
            b: 1
            a:
              - 'x'
              - {k: "é\\u00e9"}

            c: |
              two
              lines
            """)
        #expect(
            root
                == .mapping(
                    [
                        .init(key: "b", line: 2, value: Self.plain("1", 2)),
                        .init(
                            key: "a", line: 3,
                            value: .sequence(
                                [
                                    Self.text("x", 4),
                                    .mapping([.init(key: "k", line: 5, value: Self.text("éé", 5))], line: 5),
                                ], line: 4)),
                        .init(key: "c", line: 7, value: Self.text("two\nlines", 7)),
                    ], line: 2))
    }

    @Test(arguments: ["", "\n\n", "# nothing\n", "---\n", "---\n...\n", "~", "null\n", "\u{FEFF}", "%YAML 1.1\n---\n"])
    func filesWithoutAValueAreNull(text: String) throws {
        #expect(try parse(text)?.isNull == true)
    }

    @Test(arguments: [
        ("\u{FEFF}a", plain("a", 1)), ("--- a\n...\n", plain("a", 1)), ("'null'", text("null", 1)),
        ("!!str null", text("null", 1)), ("! null", text("null", 1)), ("!!int 5", plain("5", 1)), ("\"\"", text("", 1)),
        ("a\r\n", plain("a", 1)), ("[]", .sequence([], line: 1)), ("!!map {}", .mapping([], line: 1)),
        ("[&a x, *a]", .sequence([plain("x", 1), plain("x", 1)], line: 1)),
        ("\"<<\": x", .mapping([.init(key: "<<", line: 1, value: plain("x", 1))], line: 1)),
    ])
    func smallDocumentsAreRead(text: String, node: YAMLNode) throws {
        #expect(try parse(text) == node)
    }

    @Test(arguments: [
        ("a: 1\nb: 2\na: 3", ["f.yml:3: a: is given twice, first in line 1"]),
        ("a: 1\n'a': 3", ["f.yml:2: a: is given twice, first in line 1"]),
        (
            "x:\n  b: 1\n  b: 2\n  b: 3",
            ["f.yml:3: b: is given twice, first in line 2", "f.yml:4: b: is given twice, first in line 2"]
        ),
        // The file's last line, not the one that the parser imagines after it.
        (
            "a: {}\nbcd",
            ["f.yml:2: is not valid YAML: could not find expected ':', while scanning a simple key"]
        ),
        (
            "a: {}\r\nb: {}\rcde",
            ["f.yml:3: is not valid YAML: could not find expected ':', while scanning a simple key"]
        ),
        ("[a]: 1", ["f.yml:1: a key must be a text"]),
        ("x:\n  ? {a: b}\n  : 1", ["f.yml:2: a key must be a text"]),
        ("a: &m {x: 1}\nb:\n  <<: *m", ["f.yml:3: merge keys (<<) are not supported: write the keys out"]),
        ("a: 1\n---\nb: 2", ["f.yml:2: a second document begins here: a file must hold one only"]),
        ("a: 1\n---\n", ["f.yml:2: a second document begins here: a file must hold one only"]),
        (
            "a: *secret",
            ["f.yml:1: an alias refers to nothing above it; if this is a text that begins with *, put it in quotes"]
        ),
        (
            "&a [*a]",
            ["f.yml:1: an alias refers to nothing above it; if this is a text that begins with *, put it in quotes"]
        ),
        (
            "a:\n  b: !secret x",
            ["f.yml:2: has a tag that is not known here; if this is a text that begins with !, put it in quotes"]
        ),
        (
            "!!binary aGk=",
            ["f.yml:1: has a tag that is not known here; if this is a text that begins with !, put it in quotes"]
        ),
        (
            "!!set {a}",
            ["f.yml:1: has a tag that is not known here; if this is a text that begins with !, put it in quotes"]
        ),
        ("a: \"x\\0y\"", ["f.yml:1: a text must not hold the character NUL"]),
        (
            "a: 1\n\tb: 2",
            [
                "f.yml:2: is not valid YAML: found a tab character that violates indentation, while scanning a plain scalar that"
                    + " begins in line 1; indent with spaces, not with tabs"
            ]
        ),
        (
            "a: 1\nb: [1, 2\nc: 3",
            [
                "f.yml:3: is not valid YAML: did not find expected ',' or ']', while parsing a flow sequence that begins"
                    + " in line 2"
            ]
        ),
        (
            "a: 'x\n",
            [
                "f.yml:2: is not valid YAML: found unexpected end of stream, while scanning a quoted scalar that begins"
                    + " in line 1"
            ]
        ),
        (
            "a: 1\na: 2\nb: }",
            [
                "f.yml:2: a: is given twice, first in line 1",
                "f.yml:3: is not valid YAML: did not find expected node content, while parsing a block node",
            ]
        ),
    ])
    func mistakesAreToldWithTheirLines(text: String, expected: [String]) {
        #expect(problems(Array(text.utf8)) == expected)
    }

    @Test(arguments: [
        (Array("a: 1\nb: ".utf8) + [0xFF], "f.yml:2: is not UTF-8: save the file in that encoding"),
        ([0xFF, 0xFE, 0x61, 0x00], "f.yml:1: is not UTF-8: save the file in that encoding"),
        ([0xC3], "f.yml:1: is not UTF-8: save the file in that encoding"),
        (Array("a: 1\n\nb: \u{1}".utf8), "f.yml:3: is not valid YAML: control characters are not allowed"),
        (Array("a\u{0}b".utf8), "f.yml:1: is not valid YAML: control characters are not allowed"),
    ])
    func bytesThatAreNoTextAreRefused(bytes: [UInt8], expected: String) {
        #expect(problems(bytes) == [expected])
    }

    @Test func whatAliasesRepeatIsCounted() {
        var text = "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n"
        for level in 1...9 {
            text +=
                "a\(level): &a\(level) [" + Array(repeating: "*a\(level - 1)", count: 10).joined(separator: ", ")
                + "]\n"
        }
        #expect(
            problems(Array(text.utf8))
                == ["f.yml:6: the file holds more than 300000 values, those repeated by aliases included"])
    }

    @Test func depthIsLimitedWithAliasesToo() throws {
        let deepest = YAMLParser.maximumNesting
        let nested = { (depth: Int) in String(repeating: "[", count: depth) + String(repeating: "]", count: depth) }
        #expect(try parse(nested(deepest)) != nil)
        #expect(problems(Array(nested(deepest + 1).utf8)) == ["f.yml:1: is nested more than 100 deep"])
        #expect(
            problems(Array(String(repeating: "[", count: 100_000).utf8)) == ["f.yml:1: is nested more than 100 deep"])
        let half = nested(deepest - 1)
        #expect(try parse("a: &a \(half)\nb: *a") != nil)
        #expect(
            problems(Array("a: &a \(half)\nb: [*a]".utf8)) == ["f.yml:2: is nested more than 100 deep"])
    }

    @Test func sizeIsLimited() throws {
        let list = { (count: Int) in String(repeating: "- x\n", count: count) }
        #expect(try parse(list(YAMLParser.maximumNodes - 1)) != nil)
        #expect(problems(Array(list(YAMLParser.maximumNodes).utf8)).count == 1)
        let comment = [UInt8](repeating: UInt8(ascii: "#"), count: YAMLParser.maximumSize)
        #expect(problems(comment) == [])
        #expect(problems(comment + [0x0A]) == ["f.yml:1: the file is larger than 8388608 bytes"])
    }
}
