import Basics

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
    enum Kind { case object, array, string, null, other }

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

    /// Whether nothing stands in the array or object that comes next.
    var isEmpty: Bool {
        let first = bytes[(position + 1)...].first { !Self.isWhitespace($0) }
        return first == UInt8(ascii: "]") || first == UInt8(ascii: "}")
    }

    /// Reads an array, calling `element` with the reader before each value, which must read or skip it.
    mutating func readArray(_ element: (inout JSONReader) throws(JSONError) -> Void) throws(JSONError) {
        try readParts(of: "array", from: UInt8(ascii: "["), to: UInt8(ascii: "]"), element)
    }

    /// Reads an object, calling `member` with each key and the reader before its value, which must read or skip it.
    ///
    /// A key that equals a name in lower-case ASCII has its bytes: no other text is equivalent to such a name.
    mutating func readObject(_ member: (String, inout JSONReader) throws(JSONError) -> Void) throws(JSONError) {
        try readMembers { (key, reader) throws(JSONError) in try member(reader.text(key), &reader) }
    }

    @inline(__always) private mutating func readMembers(
        _ member: (RawString, inout JSONReader) throws(JSONError) -> Void
    ) throws(JSONError) {
        try readParts(of: "object", from: UInt8(ascii: "{"), to: UInt8(ascii: "}")) { (reader) throws(JSONError) in
            let key = try reader.scanString()
            reader.skipWhitespace()
            try reader.expect(UInt8(ascii: ":"), "a colon")
            reader.skipWhitespace()
            try member(key, &reader)
        }
    }

    @inline(__always) private mutating func readParts(
        of kind: String, from start: UInt8, to end: UInt8, _ part: (inout JSONReader) throws(JSONError) -> Void
    ) throws(JSONError) {
        try expect(start, "an \(kind)")
        skipWhitespace()
        if take(end) { return }
        while true {
            try part(&self)
            skipWhitespace()
            if take(end) { return }
            try expect(UInt8(ascii: ","), "a comma or the end of the \(kind)")
            skipWhitespace()
        }
    }

    /// Asserts that nothing but white space follows.
    mutating func readEnd() throws(JSONError) {
        skipWhitespace()
        guard position == bytes.count else { throw problem("something follows the JSON value") }
    }

    /// Reads a string, in which half a surrogate pair reads as U+FFFD; skips any other value and returns `nil`.
    mutating func readString() throws(JSONError) -> String? {
        guard kind == .string else {
            try skipValue()
            return nil
        }
        return text(try scanString())
    }

    /// Reads a string, or the text of a number or a Boolean; skips any other value and returns `nil`.
    mutating func readScalar() throws(JSONError) -> String? {
        guard kind == .other else { return try readString() }
        let start = position
        try skipValue()
        return String(decoding: bytes[start..<position], as: UTF8.self)
    }

    /// The place between the quotes of a string whose escapes have been checked, and whether it has none.
    private typealias RawString = (range: Range<Int>, isPlain: Bool)

    /// Finds the end of the string that begins here, and checks its escapes.
    private mutating func scanString() throws(JSONError) -> RawString {
        try expect(UInt8(ascii: "\""), "a string")
        let start = position
        var isPlain = true
        while true {
            skipPlainText()
            guard position < bytes.count else { throw problem("the string should end here") }
            switch bytes[position] {
            case UInt8(ascii: "\""):
                position += 1
                return (start..<(position - 1), isPlain)
            case UInt8(ascii: "\\"):
                guard let (_, length) = escape(at: position) else {
                    throw problem("an unknown escape stands in a string")
                }
                position += length
                isPlain = false
            default: throw problem("a control character stands in a string")
            }
        }
    }

    /// Goes to the next quote, backslash or control character.
    ///
    /// Nearly all of a document is skipped here, most bytes by two comparisons.
    private mutating func skipPlainText() {
        let start = position
        position = bytes.withUnsafeBufferPointer { bytes in
            let rest = UnsafeBufferPointer(rebasing: bytes[start...])
            let end = rest.firstIndex {
                $0 == UInt8(ascii: "\\") || $0 < 0x23 && ($0 == UInt8(ascii: "\"") || $0 < 0x20)
            }
            return start + (end ?? rest.count)
        }
    }

    /// Returns the text of a string, its escapes undone.
    private func text(_ string: RawString) -> String {
        var rest = bytes[string.range]
        if string.isPlain { return String(decoding: rest, as: UTF8.self) }
        // An escape \u spells a unit of UTF-16, of which two may make a pair.
        var units: [UInt16] = []
        while let byte = rest.first {
            if byte == UInt8(ascii: "\\"), let (unit, length) = escape(at: rest.startIndex) {
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

    /// Returns the UTF-16 unit that the escape at `index` spells, and the escape's length; `nil` if it is none.
    private func escape(at index: Int) -> (unit: UInt16, length: Int)? {
        guard index + 1 < bytes.count else { return nil }
        switch bytes[index + 1] {
        case UInt8(ascii: "\""), UInt8(ascii: "\\"), UInt8(ascii: "/"): return (UInt16(bytes[index + 1]), 2)
        case UInt8(ascii: "b"): return (0x08, 2)
        case UInt8(ascii: "f"): return (0x0C, 2)
        case UInt8(ascii: "n"): return (0x0A, 2)
        case UInt8(ascii: "r"): return (0x0D, 2)
        case UInt8(ascii: "t"): return (0x09, 2)
        case UInt8(ascii: "u"):
            let digits = bytes[(index + 2)...].prefix(4).compactMap { Character(Unicode.Scalar($0)).hexDigitValue }
            return digits.count == 4 ? (digits.reduce(0) { $0 << 4 | UInt16($1) }, 6) : nil
        default: return nil
        }
    }

    private static func isWhitespace(_ byte: UInt8) -> Bool {
        byte == UInt8(ascii: " ") || byte == UInt8(ascii: "\n") || byte == UInt8(ascii: "\r")
            || byte == UInt8(ascii: "\t")
    }

    /// Skips one value of any kind, checking that it is JSON.
    ///
    /// - Parameter depth: The number of arrays and objects around it that are skipped.
    mutating func skipValue(depth: Int = 0) throws(JSONError) {
        skipWhitespace()
        guard depth < Self.maximumNesting || kind != .object && kind != .array else {
            throw problem("the nesting is deeper than \(Self.maximumNesting)")
        }
        switch kind {
        case .object: try readMembers { (_, reader) throws(JSONError) in try reader.skipValue(depth: depth + 1) }
        case .array: try readArray { (reader) throws(JSONError) in try reader.skipValue(depth: depth + 1) }
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
        while position < bytes.count, bytes[position].isDigit { position += 1 }
        if position == start { throw problem("a JSON value should stand here") }
    }

    private mutating func skipWhitespace() {
        while position < bytes.count, Self.isWhitespace(bytes[position]) { position += 1 }
    }

    private mutating func take(_ byte: UInt8) -> Bool {
        guard position < bytes.count, bytes[position] == byte else { return false }
        position += 1
        return true
    }

    private mutating func expect(_ byte: UInt8, _ what: @autoclosure () -> String) throws(JSONError) {
        if !take(byte) { throw problem("\(what()) should stand here") }
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
