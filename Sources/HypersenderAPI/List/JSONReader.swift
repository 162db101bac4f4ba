/// Reads one JSON text from its beginning to its end, value by value, and accepts nothing that RFC 8259 does not.
///
/// It exists because the list must be read strictly and element by element: Foundation's decoder takes trailing commas
/// and UTF-16, and gives up the whole document for one element.
struct JSONReader {
    let bytes: [UInt8]
    /// The offset of the next byte to read.
    var position = 0

    /// The depth to which a skipped value may nest, so that no document exhausts the stack.
    static let maximumNesting = 512

    /// Begins at the first value of a document.
    ///
    /// A byte order mark is skipped, as RFC 8259, section 8.1 allows. The document must be UTF-8 throughout.
    init(_ bytes: [UInt8]) throws(JSONError) {
        self.bytes = bytes
        do {
            _ = try UTF8Span(validating: bytes.span)
        } catch {
            throw JSONError(offset: error.byteOffsets.lowerBound, problem: "the bytes are not UTF-8")
        }
        if bytes.starts(with: [0xEF, 0xBB, 0xBF]) { position = 3 }
        skipWhitespace()
    }

    /// The kinds of value.
    enum Kind {
        case object
        case array
        case string
        case null
        case other
    }

    /// The kind of the next value, judged by its first byte; `nil` at the end.
    var kind: Kind? {
        guard position < bytes.count else { return nil }
        switch bytes[position] {
        case UInt8(ascii: "{"): return .object
        case UInt8(ascii: "["): return .array
        case UInt8(ascii: "\""): return .string
        case UInt8(ascii: "n"): return .null
        default: return .other
        }
    }

    /// Reads an array, calling `element` with the reader before each value, which must read or skip that value.
    mutating func readArray(_ element: (inout JSONReader) throws(JSONError) -> Void) throws(JSONError) {
        try expect(UInt8(ascii: "["), "an array")
        skipWhitespace()
        if take(UInt8(ascii: "]")) { return }
        while true {
            try element(&self)
            skipWhitespace()
            if take(UInt8(ascii: "]")) { return }
            try expect(UInt8(ascii: ","), "a comma or the end of the array")
            skipWhitespace()
        }
    }

    /// The name of an object's member, as it stands in the document. The reader compares it.
    struct Key {
        fileprivate let text: Text
    }

    /// Whether a member has this name, byte by byte once escapes are undone.
    func `is`(_ key: Key, _ name: StaticString) -> Bool {
        let range = key.text.range
        guard key.text.isPlain else {
            return unescaped(key.text).utf8.elementsEqual(String(describing: name).utf8)
        }
        return range.count == name.utf8CodeUnitCount
            && bytes.withUnsafeBufferPointer { bytes in
                name.withUTF8Buffer { name in
                    for index in name.indices where bytes[range.lowerBound + index] != name[index] {
                        return false
                    }
                    return true
                }
            }
    }

    /// Whether a member's name is a whole number, which is how PHP writes the keys of a list with gaps.
    func isWholeNumber(_ key: Key) -> Bool {
        key.text.isPlain && !key.text.range.isEmpty && bytes[key.text.range].allSatisfy(Self.isDigit)
    }

    /// Reads an object, calling `member` with the reader before each member's value, which must read or skip that
    /// value.
    mutating func readObject(_ member: (Key, inout JSONReader) throws(JSONError) -> Void) throws(JSONError) {
        try expect(UInt8(ascii: "{"), "an object")
        skipWhitespace()
        if take(UInt8(ascii: "}")) { return }
        while true {
            let key = Key(text: try scanString())
            skipWhitespace()
            try expect(UInt8(ascii: ":"), "a colon")
            skipWhitespace()
            try member(key, &self)
            skipWhitespace()
            if take(UInt8(ascii: "}")) { return }
            try expect(UInt8(ascii: ","), "a comma or the end of the object")
            skipWhitespace()
        }
    }

    /// Skips an array or an object if it is empty.
    ///
    /// - Returns: Whether it was.
    mutating func skipIfEmpty() throws(JSONError) -> Bool {
        var ahead = self
        ahead.position += 1
        ahead.skipWhitespace()
        guard ahead.take(kind == .array ? UInt8(ascii: "]") : UInt8(ascii: "}")) else { return false }
        self = ahead
        return true
    }

    /// Asserts that nothing but white space follows.
    mutating func readEnd() throws(JSONError) {
        skipWhitespace()
        guard position == bytes.count else { throw problem("something follows the JSON value") }
    }

    /// The bytes between a string's quotes; plain if they have no escapes.
    fileprivate struct Text {
        var range: Range<Int>
        var isPlain: Bool
    }

    /// Reads a string. Half a surrogate pair reads as U+FFFD.
    mutating func readString() throws(JSONError) -> String {
        let text = try scanString()
        guard text.isPlain else { return unescaped(text) }
        return bytes.withUnsafeBufferPointer {
            String(decoding: UnsafeBufferPointer(rebasing: $0[text.range]), as: UTF8.self)
        }
    }

    /// Undoes the escapes of a string. They have been checked.
    private func unescaped(_ text: Text) -> String {
        // An escape \u spells a unit of UTF-16, of which two may make a pair.
        var units: [UInt16] = []
        var rest = bytes[text.range]
        while let byte = rest.first {
            if byte == UInt8(ascii: "\\") {
                let (unit, length) = unescaped(at: rest.startIndex)
                units.append(unit)
                rest = rest.dropFirst(length)
            } else {
                let plain = rest.prefix { $0 != UInt8(ascii: "\\") }
                units += String(decoding: plain, as: UTF8.self).utf16
                rest = rest[plain.endIndex...]
            }
        }
        return String(decoding: units, as: UTF16.self)
    }

    /// Returns the UTF-16 unit that the escape at `index` spells, and the escape's length. The escape has been checked.
    private func unescaped(at index: Int) -> (UInt16, Int) {
        switch bytes[index + 1] {
        case UInt8(ascii: "b"): return (0x08, 2)
        case UInt8(ascii: "f"): return (0x0C, 2)
        case UInt8(ascii: "n"): return (0x0A, 2)
        case UInt8(ascii: "r"): return (0x0D, 2)
        case UInt8(ascii: "t"): return (0x09, 2)
        case UInt8(ascii: "u"):
            let digits = bytes[(index + 2)..<(index + 6)]
            return (digits.reduce(0) { $0 << 4 | UInt16(Self.hexadecimal($1) ?? 0) }, 6)
        case let itself: return (UInt16(itself), 2)
        }
    }

    /// Reads a string, or skips a value of another kind and returns `nil`.
    mutating func readStringIfAny() throws(JSONError) -> String? {
        if kind == .string { return try readString() }
        try skipValue()
        return nil
    }

    /// Reads a string, or the text of a number or a Boolean; skips a value of another kind and returns `nil`.
    mutating func readScalarIfAny() throws(JSONError) -> String? {
        guard kind == .other else { return try readStringIfAny() }
        let start = position
        try skipValue()
        return String(decoding: bytes[start..<position], as: UTF8.self)
    }

    /// Finds the end of the string that begins here, and checks its escapes.
    private mutating func scanString() throws(JSONError) -> Text {
        try expect(UInt8(ascii: "\""), "a string")
        let start = position
        var isPlain = true
        while true {
            skipPlainText()
            guard position < bytes.count else { throw problem("the document ends within a string") }
            switch bytes[position] {
            case UInt8(ascii: "\""):
                position += 1
                return Text(range: start..<(position - 1), isPlain: isPlain)
            case UInt8(ascii: "\\"):
                isPlain = false
                try scanEscape()
            default:
                throw problem("a control character stands in a string")
            }
        }
    }

    /// Goes to the next quote, backslash or control character. Nearly all of a document is skipped here.
    private mutating func skipPlainText() {
        let start = position
        position = bytes.withUnsafeBufferPointer { bytes in
            var index = start
            while index < bytes.count {
                let byte = bytes[index]
                if byte == UInt8(ascii: "\"") || byte == UInt8(ascii: "\\") || byte < 0x20 { break }
                index += 1
            }
            return index
        }
    }

    private mutating func scanEscape() throws(JSONError) {
        position += 1
        guard position < bytes.count else { throw problem("the document ends within a string") }
        let escape = bytes[position]
        guard "\"\\/bfnrtu".utf8.contains(escape) else { throw problem("an unknown escape stands in a string") }
        position += 1
        for _ in 0..<(escape == UInt8(ascii: "u") ? 4 : 0) {
            guard position < bytes.count, Self.hexadecimal(bytes[position]) != nil else {
                throw problem("a \\u escape lacks its four hexadecimal digits")
            }
            position += 1
        }
    }

    private static func hexadecimal(_ byte: UInt8) -> UInt8? {
        switch byte {
        case UInt8(ascii: "0")...UInt8(ascii: "9"): byte - UInt8(ascii: "0")
        case UInt8(ascii: "a")...UInt8(ascii: "f"): byte - UInt8(ascii: "a") + 10
        case UInt8(ascii: "A")...UInt8(ascii: "F"): byte - UInt8(ascii: "A") + 10
        default: nil
        }
    }

    private static func isDigit(_ byte: UInt8) -> Bool {
        (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte)
    }

    /// Skips one value of any kind, checking that it is JSON.
    ///
    /// - Parameter depth: The number of arrays and objects around it that are skipped.
    mutating func skipValue(depth: Int = 0) throws(JSONError) {
        skipWhitespace()
        switch kind {
        case .object, .array:
            guard depth < Self.maximumNesting else {
                throw problem("the nesting is deeper than \(Self.maximumNesting)")
            }
            if kind == .object {
                try readObject { (_, reader) throws(JSONError) in try reader.skipValue(depth: depth + 1) }
            } else {
                try readArray { (reader) throws(JSONError) in try reader.skipValue(depth: depth + 1) }
            }
        case .string: _ = try scanString()
        case .null, .other, nil: try skipScalar()
        }
    }

    private mutating func skipScalar() throws(JSONError) {
        for word in ["true", "false", "null"] where bytes[position...].starts(with: word.utf8) {
            position += word.utf8.count
            return
        }
        _ = take(UInt8(ascii: "-"))
        if !take(UInt8(ascii: "0")) { try skipDigits() }
        if take(UInt8(ascii: ".")) { try skipDigits() }
        if take(UInt8(ascii: "e")) || take(UInt8(ascii: "E")) {
            _ = take(UInt8(ascii: "+")) || take(UInt8(ascii: "-"))
            try skipDigits()
        }
    }

    private mutating func skipDigits() throws(JSONError) {
        let start = position
        while position < bytes.count, Self.isDigit(bytes[position]) { position += 1 }
        if position == start { throw problem("a JSON value should stand here") }
    }

    private mutating func skipWhitespace() {
        while position < bytes.count {
            switch bytes[position] {
            case UInt8(ascii: " "), UInt8(ascii: "\t"), UInt8(ascii: "\n"), UInt8(ascii: "\r"): position += 1
            default: return
            }
        }
    }

    private mutating func take(_ byte: UInt8) -> Bool {
        guard position < bytes.count, bytes[position] == byte else { return false }
        position += 1
        return true
    }

    private mutating func expect(_ byte: UInt8, _ what: String) throws(JSONError) {
        if !take(byte) { throw problem("\(what) should stand here") }
    }

    /// Returns the error for a problem at the next byte.
    func problem(_ text: String) -> JSONError {
        JSONError(offset: position, problem: position == bytes.count ? "\(text), but the document ends" : text)
    }
}

/// The reason why a document is not the JSON that was expected, and the place. It never quotes the document.
struct JSONError: Error, Equatable, CustomStringConvertible {
    /// The offset of the first byte at fault.
    let offset: Int
    let problem: String

    var description: String { "\(problem) (at byte \(offset))" }
}
