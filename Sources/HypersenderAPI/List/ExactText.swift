import Glibc

/// A text that equals another only where all bytes do.
///
/// Swift's strings equal each other where they look alike (`é` as one scalar or as two). To the API, and to Prometheus,
/// such texts are different.
public struct ExactText: Sendable, Hashable, Comparable {
    private let text: String

    public init(_ text: String) {
        self.text = text
    }

    public static func == (first: ExactText, second: ExactText) -> Bool {
        first.withBytes { mine in
            second.withBytes { others in
                guard mine.count == others.count, let start = mine.baseAddress, let other = others.baseAddress else {
                    return mine.isEmpty && others.isEmpty
                }
                return memcmp(start, other, mine.count) == 0
            }
        }
    }

    /// By bytes, which is by Unicode scalars.
    public static func < (first: ExactText, second: ExactText) -> Bool {
        first.order(second) < 0
    }

    /// Below, at or above 0, as this stands before, beside or after `other`.
    private func order(_ other: ExactText) -> Int {
        withBytes { mine in
            other.withBytes { others in
                let common = min(mine.count, others.count)
                if let mine = mine.baseAddress, let others = others.baseAddress {
                    let order = memcmp(mine, others, common)
                    if order != 0 {
                        return Int(order)
                    }
                }
                return mine.count - others.count
            }
        }
    }

    /// The first eight bytes as a number, filled up with zeros: texts are in the order of these numbers where they differ.
    public var beginning: UInt64 {
        withBytes { bytes in
            var number: UInt64 = 0
            for index in 0..<8 {
                number = number << 8 | UInt64(index < bytes.count ? bytes[index] : 0)
            }
            return number
        }
    }

    public func hash(into hasher: inout Hasher) {
        withBytes { hasher.combine(bytes: $0) }
    }

    /// The text as it lies in memory; as `elementsEqual` and its like are several times slower.
    private func withBytes<Result>(_ body: (UnsafeRawBufferPointer) -> Result) -> Result {
        text.utf8Span.span.bytes.withUnsafeBytes(body)
    }
}
