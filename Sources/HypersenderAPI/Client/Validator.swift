import Basics
import NIOHTTP1

/// By what a server recognises an answer it has given before (RFC 9110, section 8.8), so that it need not be sent again.
struct Validator: Sendable, Equatable {
    /// The field that makes a request conditional.
    let condition: (name: String, value: String)

    /// A validator longer than this is not kept.
    static let longest = 512
    /// How much younger than its last change an answer must be, in seconds, for the time of that change to identify it.
    ///
    /// Times have whole seconds: what changes twice within one of them has the same time with different contents. By the minute, clocks
    /// that differ between the servers behind one address are allowed for.
    static let leastAge = 60.0

    /// The validator of an answer with these header fields; nil where there is none to rely on.
    ///
    /// An entity tag comes first. Without one the time of the last change serves, where it is long before the answer.
    init?(_ headers: HTTPHeaders) {
        let tags = headers["etag"]
        if tags.count == 1, Self.isEntityTag(tags[0]) {
            condition = ("if-none-match", tags[0])
        } else if let changed = headers.first(name: "last-modified"), let date = headers.first(name: "date"),
            let changedAt = Timestamp.seconds(httpDate: changed), let answeredAt = Timestamp.seconds(httpDate: date),
            answeredAt - changedAt >= Self.leastAge
        {
            condition = ("if-modified-since", changed)
        } else {
            return nil
        }
    }

    static func == (first: Validator, second: Validator) -> Bool {
        first.condition == second.condition
    }

    /// Whether a text is an entity tag, weak or strong, to the letter of RFC 9110, section 8.8.3, in ASCII.
    private static func isEntityTag(_ text: String) -> Bool {
        var bytes = Array(text.utf8)[...]
        guard bytes.count <= longest else {
            return false
        }
        if bytes.starts(with: "W/".utf8) {
            bytes = bytes.dropFirst(2)
        }
        let quote = UInt8(ascii: "\"")
        return bytes.count >= 2 && bytes.first == quote && bytes.last == quote
            && bytes.dropFirst().dropLast().allSatisfy { (0x21...0x7E).contains($0) && $0 != quote }
    }
}
