import Basics
import NIOHTTP1

/// The header fields of an answer that matter besides its status and body.
struct ResponseFacts {
    var rateLimit = RateLimit()
    /// Advice for the case that the answer is a failure.
    var retry: RetryAdvice?
    /// Seconds since the origin gave the answer, as caches on the way tell it (RFC 9111, section 5.1).
    var age = 0.0
    /// The address of the next page, from a `Link` field.
    var nextLink: String?
    var validator: Validator?
    /// Whether the answer is that of Cloudflare's bot protection, and not the API's.
    var isMitigated = false

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

    /// Returns the value of a text of digits, which may have a fraction; `nil` for anything else.
    static func digits(_ text: String) -> Double? {
        text.utf8.allSatisfy { (0x30...0x39).contains($0) || $0 == UInt8(ascii: ".") } ? Double(text) : nil
    }
}

extension RetryAdvice {
    /// Reads the advice of an answer that is no success; `nil` if it gives none, or one that is no time to come.
    ///
    /// `Retry-After` (RFC 9110, section 10.2.3) counts for every status. Where there is none, the end of a rate limit's window counts for 429
    /// and 503: below 10⁹ in seconds from now, below 10¹¹ in seconds since the Unix epoch, else in milliseconds since then. Times are
    /// judged by the answer's `Date` where it has one, since clocks differ.
    init?(_ headers: HTTPHeaders, status: Int) {
        let answered = headers.first(name: "date").flatMap { Timestamp.seconds(httpDate: $0) }
        func at(_ time: Double) -> RetryAdvice {
            answered.map { .after(seconds: time - $0) } ?? .at(seconds: time)
        }
        let advice: RetryAdvice
        if let text = headers.first(name: "retry-after") {
            if let seconds = ResponseFacts.digits(text) {
                advice = .after(seconds: seconds)
            } else if let time = Timestamp.seconds(httpDate: text) {
                advice = at(time)
            } else {
                return nil
            }
        } else if status == 429 || status == 503,
            let reset = ["x-ratelimit-reset", "ratelimit-reset"].lazy.compactMap({ headers.first(name: $0) })
                .compactMap(ResponseFacts.digits).first
        {
            advice =
                switch reset {
                case ..<1e9: .after(seconds: reset)
                case ..<1e11: at(reset)
                default: at(reset / 1000)
                }
        } else {
            return nil
        }
        if case .after(let seconds) = advice, seconds <= 0 {
            return nil
        }
        self = advice
    }
}
