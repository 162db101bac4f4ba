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
    }

    /// Parses digits, which may have a fraction; `nil` for anything else.
    static func digits(_ text: String) -> Double? {
        text.utf8.allSatisfy { (0x30...0x39).contains($0) || $0 == UInt8(ascii: ".") } ? Double(text) : nil
    }
}

extension RetryAdvice {
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
