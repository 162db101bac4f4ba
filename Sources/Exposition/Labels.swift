/// The labels of a series, escaped once and written many times.
///
/// Both formats escape backslash, double quote and newline in label values, and nothing else.
public struct Labels: Sendable, Equatable {
    /// The labels as they stand between the braces.
    var bytes: [UInt8] = []

    /// No labels: such a series is written without braces.
    public static let none = Labels()

    /// Creates an empty set of labels.
    public init() {}

    /// Creates labels in the order given.
    public init(_ labels: KeyValuePairs<String, String>) {
        for (name, value) in labels { append(name, value) }
    }

    /// Adds a label at the end. The name must match `[a-zA-Z_][a-zA-Z0-9_]*`; the value may be any text.
    public mutating func append(_ name: String, _ value: String) {
        bytes.reserveCapacity(bytes.count + name.utf8.count + value.utf8.count + 4)
        if !bytes.isEmpty { bytes.append(UInt8(ascii: ",")) }
        bytes.append(contentsOf: name.utf8)
        bytes.append(ascii: "=\"")
        bytes.appendEscaped(value, quotes: true)
        bytes.append(UInt8(ascii: "\""))
    }
}

extension [UInt8] {
    /// Appends text with backslash and newline escaped, and the double quote too where `quotes` is set.
    mutating func appendEscaped(_ text: String, quotes: Bool) {
        let start = count
        append(contentsOf: text.utf8)
        // Nearly all texts are taken as they are, at a fraction of the time.
        guard
            self[start...].contains(where: {
                $0 == UInt8(ascii: "\\") || $0 == UInt8(ascii: "\n") || $0 == UInt8(ascii: "\"")
            })
        else { return }
        removeSubrange(start...)
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
