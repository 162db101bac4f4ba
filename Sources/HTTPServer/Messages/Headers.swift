import NIOHTTP1

/// Header fields: names compare without regard to case, order is kept, names may repeat.
public struct Headers: Sendable, Equatable, ExpressibleByDictionaryLiteral {
    var fields = HTTPHeaders()

    /// No fields.
    public init() {}

    /// The fields in the order given; a name may occur more than once.
    public init(dictionaryLiteral elements: (String, String)...) {
        fields = HTTPHeaders(elements)
    }

    init(_ fields: HTTPHeaders) {
        self.fields = fields
    }

    /// All values of the name, joined by `", "` (RFC 9110, 5.3); `nil` if the field is absent.
    public subscript(name: String) -> String? {
        let values = fields[name]
        return values.isEmpty ? nil : values.joined(separator: ", ")
    }

    /// Adds a field after those there are.
    public mutating func add(_ name: String, _ value: String) {
        fields.add(name: name, value: value)
    }

    /// Replaces every field of the name by one.
    public mutating func set(_ name: String, _ value: String) {
        fields.replaceOrAdd(name: name, value: value)
    }
}
