import FoundationEssentials
import Testing

@testable import HypersenderAPI

struct JSONReaderTests {
    private func check(_ text: String) -> String? {
        check(Array(text.utf8))
    }

    /// Skips one value and demands the end; gives the problem, or nil where there is none.
    private func check(_ bytes: [UInt8]) -> String? {
        do throws(JSONError) {
            var reader = try JSONReader(bytes)
            try reader.skipValue()
            try reader.readEnd()
            return nil
        } catch {
            return error.description
        }
    }

    @Test(arguments: [
        "0", "-0", "1", "-12.5e+10", "1E5", "0.0", "true", "false", "null", #""""#,
        #""a\u00e9\ud83d\ude00\/\b\f\n\r\t\"\\""#,
        "[]", "{}", "[[],{}]", #"{"a":1,"a":[{}]}"#, " \t\r\n[ 1 , 2 ] \n", "\u{FEFF}[]", #"["é😀"]"#, "[\"\u{7F}\"]",
    ])
    func accepts(text: String) {
        #expect(check(text) == nil)
    }

    @Test(arguments: [
        "", " ", "[", "]", "{", "}", "[1,]", "[,1]", "[1 2]", "[1],", "[1][2]", "[1]x", #"{"a"}"#, #"{"a":}"#,
        #"{"a":1,}"#,
        #"{a:1}"#, #"{"a":1 "b":2}"#, "{1:2}", "01", "-", "+1", "1.", ".5", "1e", "1e+", "0x1", "NaN", "Infinity",
        "nul",
        "nullx", "True", "'a'", "\"", #""\x""#, #""\u12""#, #""\u12g4""#, "\"\n\"", "\"\u{1}\"", "\"\\", "[1]\u{0}",
        "// a\n1",
        "[1}", "{\"a\":1]", "[\"a\":1]", "\u{FEFF}", "\u{A0}1",
    ])
    func rejects(text: String) {
        #expect(check(text) != nil)
    }

    @Test(
        arguments: [
            [0x22, 0xFF, 0x22], [0x22, 0xC0, 0x80, 0x22], [0x22, 0xED, 0xA0, 0x80, 0x22], [0xFF, 0xFE, 0x5B, 0x00],
            [0x5B, 0x00, 0x5D, 0x00], [0xEF, 0xBB], [0x22, 0xE2, 0x82, 0x22],
        ] as [[UInt8]])
    func rejectsWhatIsNotUTF8(bytes: [UInt8]) {
        #expect(check(bytes) != nil)
    }

    @Test func nestingHasALimitAndCostsNoStack() {
        let allowed = JSONReader.maximumNesting
        #expect(check(String(repeating: "[", count: allowed) + String(repeating: "]", count: allowed)) == nil)
        #expect(check(String(repeating: "[", count: 1_000_000)) != nil)
        #expect(check(String(repeating: #"{"a":"#, count: 1_000_000)) != nil)
    }

    @Test(arguments: [
        (#""plain""#, "plain"), (#""""#, ""), (#""a\"b\\c\/d\n\t\r\b\f""#, "a\"b\\c/d\n\t\r\u{8}\u{C}"),
        (#""\u00e9\ud83d\ude00x\u0041""#, "é😀xA"), (#""\ud83dx""#, "\u{FFFD}x"),
        (#""\ude00\ud83d""#, "\u{FFFD}\u{FFFD}"),
        (#""\u0000""#, "\u{0}"), ("\"é\\n😀\"", "é\n😀"),
    ])
    func readsStrings(json: String, text: String) throws {
        var reader = try JSONReader(Array(json.utf8))
        #expect(try reader.readString() == text)
        try reader.readEnd()
    }

    /// Foundation's decoder reads all that this reader accepts, with the same result; the reader may be stricter.
    @Test func agreesWithFoundation() throws {
        var random = SplitMix(state: 42)
        let pieces = [
            "[", "]", "{", "}", ",", ":", "\"a\"", "\"é\\n\"", "\"\\ud83d\\ude00\"", "1", "-0.5", "true", "null", " ",
            "\"",
            "\\", "0", "x", "[]", "{}", "[1,2]", "{\"k\":\"v\"}",
        ]
        var accepted = 0
        for _ in 0..<20_000 {
            var text = (0..<Int.random(in: 1...8, using: &random)).map { _ in pieces.randomElement(using: &random) ?? ""
            }
            .joined()
            if Bool.random(using: &random) {
                text = "[\(text)]"
            }
            if check(text) == nil {
                accepted += 1
                #expect(throws: Never.self, "\(text)") {
                    try JSONDecoder().decode(Anything.self, from: Data(text.utf8))
                }
            }
        }
        #expect(accepted > 500)
        for string in ["a", "é", "\\u0041\\n", "\\ud83d\\ude00 \\\\ \\\"", "\\u00e9\\u0301"] {
            var reader = try JSONReader(Array("\"\(string)\"".utf8))
            #expect(try reader.readString() == JSONDecoder().decode(String.self, from: Data("\"\(string)\"".utf8)))
        }
    }

    /// Accepts every JSON value.
    private struct Anything: Decodable {
        init(from decoder: any Decoder) throws {
            if var list = try? decoder.unkeyedContainer() {
                while !list.isAtEnd {
                    _ = try list.decode(Anything.self)
                }
            } else if let object = try? decoder.container(keyedBy: AnyKey.self) {
                for key in object.allKeys {
                    _ = try object.decode(Anything.self, forKey: key)
                }
            } else {
                let value = try decoder.singleValueContainer()
                let isScalar =
                    value.decodeNil() || (try? value.decode(Bool.self)) != nil
                    || (try? value.decode(Double.self)) != nil
                    || (try? value.decode(String.self)) != nil
                guard isScalar else {
                    throw DecodingError.dataCorruptedError(in: value, debugDescription: "no value")
                }
            }
        }
    }

    private struct AnyKey: CodingKey {
        let stringValue: String
        var intValue: Int? { nil }
        init?(stringValue: String) { self.stringValue = stringValue }
        init?(intValue: Int) { nil }
    }
}

/// A small generator of random numbers that always gives the same ones.
struct SplitMix: RandomNumberGenerator {
    var state: UInt64

    mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var z = state
        z = (z ^ (z >> 30)) &* 0xBF58_476D_1CE4_E5B9
        z = (z ^ (z >> 27)) &* 0x94D0_49BB_1331_11EB
        return z ^ (z >> 31)
    }
}
