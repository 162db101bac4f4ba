import Basics
import NIOHTTP1
import Testing

@testable import HypersenderAPI

struct ResponseFactsTests {
    private static let date = "Sun, 06 Nov 1994 08:49:37 GMT"
    private static let dateSeconds = 784_111_777.0

    @Test(
        arguments: [
            (503, ["Retry-After": "7"], .after(seconds: 7)), (500, ["Retry-After": "7"], .after(seconds: 7)),
            (401, ["Retry-After": "7"], .after(seconds: 7)), (200, ["Retry-After": "7"], .after(seconds: 7)),
            (503, ["Retry-After": "0"], nil), (503, ["Retry-After": "-5"], nil), (503, ["Retry-After": "soon"], nil),
            (503, ["Retry-After": ""], nil), (503, ["Retry-After": "inf"], nil), (503, [:], nil),
            (503, ["Retry-After": "Sun, 06 Nov 1994 08:50:07 GMT", "Date": date], .after(seconds: 30)),
            (503, ["Retry-After": "Sun, 06 Nov 1994 08:49:07 GMT", "Date": date], nil),
            (503, ["Retry-After": date], .at(seconds: dateSeconds)),
            // A rate limit's window, in seconds from now, in seconds and in milliseconds since 1970.
            (429, ["X-RateLimit-Reset": "5"], .after(seconds: 5)), (503, ["RateLimit-Reset": "5"], .after(seconds: 5)),
            (429, ["X-RateLimit-Reset": "0"], nil), (429, ["X-RateLimit-Reset": "-3"], nil),
            (429, ["X-RateLimit-Reset": "784111807", "Date": date], .after(seconds: 784_111_807)),
            (429, ["X-RateLimit-Reset": "1748254365"], .at(seconds: 1_748_254_365)),
            (429, ["X-RateLimit-Reset": "1748254365", "Date": "Mon, 26 May 2025 10:12:40 GMT"], .after(seconds: 5)),
            (429, ["X-RateLimit-Reset": "1748254365000", "Date": "Mon, 26 May 2025 10:12:40 GMT"], .after(seconds: 5)),
            (429, ["X-RateLimit-Reset": "1748254360", "Date": "Mon, 26 May 2025 10:12:40 GMT"], nil),
            (429, ["X-RateLimit-Reset": "1748254350", "Date": "Mon, 26 May 2025 10:12:40 GMT"], nil),
            (500, ["X-RateLimit-Reset": "5"], nil), (401, ["X-RateLimit-Reset": "5"], nil),
            (429, ["X-RateLimit-Reset": "5", "Retry-After": "9"], .after(seconds: 9)),
            (429, ["X-RateLimit-Reset": "5", "Retry-After": "0"], nil),
            (429, ["X-RateLimit-Reset": "soon", "RateLimit-Reset": "4"], .after(seconds: 4)),
        ] as [(Int, [String: String], RetryAdvice?)])
    func readsTheTimeOfTheNextAttempt(status: Int, fields: [String: String], advice: RetryAdvice?) {
        #expect(ResponseFacts(HTTPHeaders(fields.map { ($0, $1) }), status: status).retry == advice)
    }

    @Test func hugeTimesAreNoCrash() {
        let digits = String(repeating: "9", count: 400)
        let facts = ResponseFacts(["Retry-After": digits, "Age": digits], status: 503)
        #expect(facts.retry == .after(seconds: .infinity) && facts.age == 0x1p31)
    }

    @Test(
        arguments: [
            ([], 0), (["40"], 40), (["40, 50"], 50), (["40", "50"], 50), (["-1"], 0), (["a while"], 0), ([""], 0),
        ] as [([String], Double)])
    func readsTheAge(fields: [String], age: Double) {
        #expect(ResponseFacts(HTTPHeaders(fields.map { ("Age", $0) }), status: 200).age == age)
    }

    @Test(
        arguments: [
            ([("X-Request-Id", "a")], "a"), ([("CF-Ray", "8f1c-FRA"), ("S-Request-ID", "b")], "b"),
            ([("CF-Ray", "8f1c-FRA"), ("X-Request-Id", "two words")], "8f1c-FRA"), ([], nil),
            ([("X-Request-Id", "")], nil), ([("X-Request-Id", "a\u{7F}")], nil), ([("X-Request-Id", "é")], nil),
            ([("X-Request-Id", String(repeating: "a", count: 128))], String(repeating: "a", count: 128)),
            ([("X-Request-Id", String(repeating: "a", count: 129))], nil),
        ] as [([(String, String)], String?)])
    func readsTheNameOfTheRequest(fields: [(String, String)], name: String?) {
        #expect(ResponseFacts(HTTPHeaders(fields), status: 500).requestID == name)
    }

    /// Bodies, how they are judged in full and by their beginning, and what they say.
    @Test(
        arguments: [
            ("", ErrorBody.Kind.empty, .empty, nil), (" \r\n\t", .empty, .empty, nil), ("{}", .json, .json, nil),
            (#"{"message":"No."}"#, .json, .json, "No."), (#"{"error":"No."}"#, .json, .json, "No."),
            (#"{"error":{"code":4,"message":"No."}}"#, .json, .json, "No."),
            (#"{"error":"second","message":"first"}"#, .json, .json, "first"), (#"{"message":""}"#, .json, .json, nil),
            (#"{"message":["No."],"error":true}"#, .json, .json, nil), ("[1]", .json, .json, nil),
            ("\u{FEFF}{}", .json, .json, nil), ("\"text\"", .json, .other, nil), ("404", .json, .other, nil),
            ("404 page not found", .other, .other, nil), ("error code: 1020", .other, .other, nil),
            ("{broken", .other, .json, nil), (#"{"message":"No.","trace":[{"#, .other, .json, "No."),
            ("<html><title>Just a moment...</title>", .markup, .markup, "Just a moment..."),
            ("\n<!DOCTYPE html><HTML><TITLE lang=en>\n Access  denied\n</TITLE>", .markup, .markup, "Access denied"),
            ("<title>Ray 1|s3cret</title>", .markup, .markup, "Ray <redacted>"),
            ("<title></title>", .markup, .markup, nil),
            ("<title>cut", .markup, .markup, nil), ("<html>none", .markup, .markup, nil),
            ("<title>of the key_1|test!</title>", .markup, .markup, "of the key_<redacted>!"),
            (#"{"message":"key=1|test"}"#, .json, .json, "key=<redacted>"),
        ] as [(String, ErrorBody.Kind, ErrorBody.Kind, String?)])
    func judgesBodies(text: String, whole: ErrorBody.Kind, beginning: ErrorBody.Kind, message: String?) throws {
        let token = try Secret("1|test")
        let body = ErrorBody(Array(text.utf8), isWhole: true, token: token)
        let cut = ErrorBody(Array(text.utf8), isWhole: false, token: token)
        #expect(body.kind == whole && cut.kind == beginning)
        #expect((whole == .other ? cut : body).message == message)
    }
}
