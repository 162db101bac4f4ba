/// A series' labels, escaped once and written many times.
///
/// Label values escape backslash, double quote and newline, and nothing else, as both formats ask.
public struct Labels: Sendable, Equatable {
    /// The labels as they stand between the braces.
    var bytes: [UInt8] = []

    /// No labels: such a series is written without braces.
    public static let none = Labels()

    /// Begins with no labels.
    public init() {}

    /// Labels in the order given.
    public init(_ labels: KeyValuePairs<StaticString, String>) {
        for (name, value) in labels {
            append(name, value)
        }
    }

    /// Adds a label after those there are. The name must match `[a-zA-Z_][a-zA-Z0-9_]*`; the value may be any text.
    public mutating func append(_ name: StaticString, _ value: String) {
        if !bytes.isEmpty {
            bytes.append(UInt8(ascii: ","))
        }
        name.withUTF8Buffer { bytes.append(contentsOf: $0) }
        bytes.append(UInt8(ascii: "="))
        bytes.append(UInt8(ascii: "\""))
        bytes.appendEscaped(value, quotes: true)
        bytes.append(UInt8(ascii: "\""))
    }
}

extension [UInt8] {
    /// Appends text with backslash and newline escaped, and the double quote too where `quotes` is set.
    mutating func appendEscaped(_ text: String, quotes: Bool) {
        for byte in text.utf8 {
            switch byte {
            case UInt8(ascii: "\\"):
                append(byte)
                append(byte)
            case UInt8(ascii: "\n"):
                append(UInt8(ascii: "\\"))
                append(UInt8(ascii: "n"))
            case UInt8(ascii: "\"") where quotes:
                append(UInt8(ascii: "\\"))
                append(byte)
            default:
                append(byte)
            }
        }
    }
}
