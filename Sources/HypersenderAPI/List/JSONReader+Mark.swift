/// Recognising values that were read before, so that they need not be read again.
extension JSONReader {
    /// A fingerprint of an object's bytes: their number, and a hash with a key that nobody knows.
    ///
    /// Other bytes have the same one with a chance of one in 2^64.
    struct Mark: Sendable {
        /// In bytes.
        let length: Int
        fileprivate let hash: Int

        /// The mark of no object.
        static let none = Mark(length: 0, hash: 0)
    }

    /// The number of bytes of the document.
    var count: Int {
        bytes.count
    }

    /// Returns the mark of the object that was read from `start` up to here.
    func mark(from start: Int) -> Mark {
        Mark(length: position - start, hash: hash(of: start..<position))
    }

    /// Skips the next value if it is an object that was read before.
    ///
    /// - Returns: whether it was.
    mutating func skip(_ mark: Mark) -> Bool {
        guard mark.length > 0, mark.length <= bytes.count - position,
            bytes[position + mark.length - 1] == UInt8(ascii: "}"),
            hash(of: position..<(position + mark.length)) == mark.hash
        else {
            return false
        }
        position += mark.length
        return true
    }

    private func hash(of range: Range<Int>) -> Int {
        var hasher = Hasher()
        bytes.withUnsafeBytes { hasher.combine(bytes: UnsafeRawBufferPointer(rebasing: $0[range])) }
        return hasher.finalize()
    }
}
