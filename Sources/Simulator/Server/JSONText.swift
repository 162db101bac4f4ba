/// JSON strings (RFC 8259) as the framework behind the API writes them: all but ASCII as `\uXXXX`.
enum JSONText {
    /// Returns `string` as a JSON string, quotes included.
    static func quoted(_ string: String) -> String {
        let escaped = string.unicodeScalars.map { scalar in
            switch scalar {
            case "\"", "\\", "/": "\\\(scalar)"
            case "\n": #"\n"#
            case " "..."~": String(scalar)
            default: scalar.utf16.map { #"\u"# + String(0x10000 | UInt32($0), radix: 16).dropFirst() }.joined()
            }
        }
        return "\"\(escaped.joined())\""
    }
}
