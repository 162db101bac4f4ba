import Glibc

/// A text that equals another only if all bytes do.
///
/// Swift's strings are equal if they look alike (`é` as one scalar or as two). To the API, and to Prometheus, such
/// texts are different.
public struct UTF8Key: Sendable, Hashable, Comparable {
    private let text: String

    /// Makes a key of a text.
    public init(_ text: String) {
        self.text = text
    }

    public static func == (first: UTF8Key, second: UTF8Key) -> Bool {
        first.order(second) == 0
    }

    /// Orders by bytes, which is by Unicode scalars.
    public static func < (first: UTF8Key, second: UTF8Key) -> Bool {
        first.order(second) < 0
    }

    /// Returns a number below, at or above 0, as this stands before, beside or after `other`.
    private func order(_ other: UTF8Key) -> Int {
        withBytes { mine in
            other.withBytes { others in
                guard let start = mine.baseAddress, let otherStart = others.baseAddress else {
                    return mine.count - others.count
                }
                let order = memcmp(start, otherStart, min(mine.count, others.count))
                return order == 0 ? mine.count - others.count : Int(order)
            }
        }
    }

    public func hash(into hasher: inout Hasher) {
        withBytes { hasher.combine(bytes: $0) }
    }

    /// `elementsEqual` and its like are several times slower than the text as it lies in memory.
    private func withBytes<Result>(_ body: (UnsafeRawBufferPointer) -> Result) -> Result {
        text.utf8Span.span.bytes.withUnsafeBytes(body)
    }
}
