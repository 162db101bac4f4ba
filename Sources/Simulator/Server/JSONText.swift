/// JSON strings (RFC 8259) as the framework behind the API writes them: all but ASCII as `\uXXXX`.
enum JSONText {
    /// Appends `string` as a JSON string, quotes included.
    static func append(_ string: String, to bytes: inout [UInt8]) {
        bytes.append(UInt8(ascii: "\""))
        for scalar in string.unicodeScalars {
            switch scalar {
            case "\"", "\\", "/":
                bytes.append(UInt8(ascii: "\\"))
                bytes.append(UInt8(scalar.value))
            case "\n": bytes.append(contentsOf: #"\n"#.utf8)
            case " "..."~": bytes.append(UInt8(scalar.value))
            default: for unit in scalar.utf16 { appendEscape(unit, to: &bytes) }
            }
        }
        bytes.append(UInt8(ascii: "\""))
    }

    /// Returns `string` as a JSON string, quotes included.
    static func quoted(_ string: String) -> String {
        var bytes: [UInt8] = []
        append(string, to: &bytes)
        return String(decoding: bytes, as: UTF8.self)
    }

    private static func appendEscape(_ unit: UInt16, to bytes: inout [UInt8]) {
        bytes.append(UInt8(ascii: "\\"))
        bytes.append(UInt8(ascii: "u"))
        // No arrays here: a list of a hundred thousand instances has a million of these.
        for place in 0..<4 as Range<UInt16> {
            let digit = UInt8(unit >> (12 - 4 * place) & 0xF)
            bytes.append(digit < 10 ? UInt8(ascii: "0") + digit : UInt8(ascii: "a") + digit - 10)
        }
    }
}
