import Basics
import NIOHTTP1

/// A header field that lets a server recognise a response it has given before (RFC 9110, section 8.8).
struct Validator: Sendable, Equatable {
    /// The field that makes a request conditional.
    let field: String
    let value: String

    /// The length of the longest entity tag that is kept, in bytes.
    static let maximumLength = 512
    /// The seconds that must lie between the last change and the response, for the time of that change to identify it.
    ///
    /// Times have whole seconds: what changes twice within one has the same time with different contents. A minute also
    /// allows for the clocks of several servers behind one address.
    static let minimumAge = 60.0

    /// Takes the entity tag, or else the time of the last change if that is long past; `nil` without a reliable one.
    init?(_ headers: HTTPHeaders) {
        let tags = headers["etag"]
        if tags.count == 1, Self.isEntityTag(tags[0]) {
            (field, value) = ("if-none-match", tags[0])
        } else if let changed = headers.first(name: "last-modified"), let date = headers.first(name: "date"),
            let changedAt = Timestamp.seconds(httpDate: changed), let answeredAt = Timestamp.seconds(httpDate: date),
            answeredAt - changedAt >= Self.minimumAge
        {
            (field, value) = ("if-modified-since", changed)
        } else {
            return nil
        }
    }

    /// Whether a text is an entity tag, weak or strong, to the letter of RFC 9110, section 8.8.3, in ASCII.
    private static func isEntityTag(_ text: String) -> Bool {
        let bytes = text.hasPrefix("W/") ? text.utf8.dropFirst(2) : text.utf8[...]
        let quote = UInt8(ascii: "\"")
        return text.utf8.count <= maximumLength && bytes.count >= 2 && bytes.first == quote && bytes.last == quote
            && bytes.dropFirst().dropLast().allSatisfy { (0x21...0x7E).contains($0) && $0 != quote }
    }
}
