import Basics
import NIOHTTP1

/// The header fields of a response that matter besides its status and body.
struct ResponseFacts {
    var rateLimit: RateLimit
    /// The advice in case the response is a failure.
    var retry: RetryAdvice?
    /// Seconds since the origin gave the response, as caches on the way tell it (RFC 9111, section 5.1).
    var age: Double
    /// The address of the next page, from a `Link` field.
    var nextLink: String?
    var validator: Validator?
    /// Whether the response is that of Cloudflare's bot protection, and not the API's.
    var isMitigated: Bool
    /// The name of the request, by the API or a proxy: printable ASCII of 128 characters at most.
    var requestID: String?

    init(_ headers: HTTPHeaders, status: Int) {
        func number(_ name: String) -> Int? {
            headers.first(name: name).flatMap { UInt32($0) }.map { Int($0) }
        }
        rateLimit = RateLimit(limit: number("x-ratelimit-limit"), remaining: number("x-ratelimit-remaining"))
        retry = RetryAdvice(headers, status: status)
        // Caches give no greater number (section 1.2.2).
        age = min(headers[canonicalForm: "age"].compactMap { Self.digits(String($0)) }.max() ?? 0, 0x1p31)
        nextLink = LinkHeader.next(in: headers["link"])
        validator = Validator(headers)
        isMitigated = headers.contains(name: "cf-mitigated")
        requestID = ["s-request-id", "x-request-id", "cf-ray"].lazy.compactMap { headers.first(name: $0) }.first {
            (1...128).contains($0.utf8.count) && $0.utf8.allSatisfy(\.isVisibleASCII)
        }
    }

    /// Parses digits, which may have a fraction; `nil` for anything else.
    static func digits(_ text: String) -> Double? {
        text.utf8.allSatisfy { $0.isDigit || $0 == UInt8(ascii: ".") } ? Double(text) : nil
    }
}

/// The time at which the API says it may be asked again.
public enum RetryAdvice: Sendable, Equatable {
    /// This many seconds after the response; above 0.
    case after(seconds: Double)
    /// At this time, in seconds since the Unix epoch.
    case at(seconds: Double)

    /// Reads the advice of a failed response; `nil` if it gives none, or a time that is not in the future.
    ///
    /// `Retry-After` (RFC 9110, section 10.2.3) counts for every status. Without it, the end of a rate limit's window
    /// counts for 429 and 503: below 10⁹ in seconds from now, below 10¹¹ in seconds since the Unix epoch, else in
    /// milliseconds since then. Times are judged by the response's `Date` if it has one, since clocks differ.
    init?(_ headers: HTTPHeaders, status: Int) {
        let answered = headers.first(name: "date").flatMap { Timestamp.seconds(httpDate: $0) }
        func at(_ time: Double) -> RetryAdvice {
            answered.map { .after(seconds: time - $0) } ?? .at(seconds: time)
        }
        if let text = headers.first(name: "retry-after") {
            if let seconds = ResponseFacts.digits(text) {
                self = .after(seconds: seconds)
            } else if let time = Timestamp.seconds(httpDate: text) {
                self = at(time)
            } else {
                return nil
            }
        } else {
            let resets = ["x-ratelimit-reset", "ratelimit-reset"].lazy.compactMap { headers.first(name: $0) }
            guard status == 429 || status == 503, let reset = resets.compactMap(ResponseFacts.digits).first else {
                return nil
            }
            self = reset < 1e9 ? .after(seconds: reset) : at(reset < 1e11 ? reset : reset / 1000)
        }
        if case .after(let seconds) = self, seconds <= 0 { return nil }
    }
}

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
            && bytes.dropFirst().dropLast().allSatisfy { $0.isVisibleASCII && $0 != quote }
    }
}
