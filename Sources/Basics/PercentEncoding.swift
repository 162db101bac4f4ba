extension String {
    /// The text with all bytes percent-encoded but RFC 3986's unreserved characters.
    public var percentEncoded: String {
        Self.percentEncoding(utf8) { byte, _ in Self.isUnreserved(byte) }
    }

    /// Returns bytes percent-encoded, except those that `isPlain` accepts, given the byte and those after it.
    public static func percentEncoding<Bytes: Collection<UInt8>>(
        _ bytes: Bytes, unless isPlain: (UInt8, Bytes.SubSequence) -> Bool
    ) -> String {
        let hexadecimal = Array("0123456789ABCDEF".utf8)
        var encoded: [UInt8] = []
        var rest = bytes[...]
        while let byte = rest.popFirst() {
            encoded +=
                isPlain(byte, rest)
                ? [byte] : [UInt8(ascii: "%"), hexadecimal[Int(byte >> 4)], hexadecimal[Int(byte & 15)]]
        }
        return String(decoding: encoded, as: UTF8.self)
    }

    /// Whether a byte is one of RFC 3986's unreserved characters: a letter, a digit, or one of `-._~`.
    public static func isUnreserved(_ byte: UInt8) -> Bool {
        switch Unicode.Scalar(byte) {
        case "a"..."z", "A"..."Z", "0"..."9", "-", ".", "_", "~": true
        default: false
        }
    }
}
