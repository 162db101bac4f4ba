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
        first.text.utf8.elementsEqual(second.text.utf8)
    }

    /// By bytes, which is by Unicode scalars.
    public static func < (first: ExactText, second: ExactText) -> Bool {
        first.text.utf8.lexicographicallyPrecedes(second.text.utf8)
    }

    public func hash(into hasher: inout Hasher) {
        var text = text
        text.withUTF8 { hasher.combine(bytes: UnsafeRawBufferPointer($0)) }
    }
}
