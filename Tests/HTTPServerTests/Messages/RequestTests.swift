import Testing

@testable import HTTPServer

@Suite struct RequestTests {
    @Test(arguments: [
        ("/", "/", nil),
        ("/metrics", "/metrics", nil),
        ("/metrics?a=b", "/metrics", "a=b"),
        ("/metrics?", "/metrics", ""),
        ("/a?b?c", "/a", "b?c"),
        ("/a%2Fb", "/a%2Fb", nil),
        ("//host/path", "//host/path", nil),
        ("http://host/path?q", "/path", "q"),
        ("HTTP://host:1/path", "/path", nil),
        ("https://host", "/", nil),
        ("http://host?q", "/", "q"),
        ("*", "*", nil),
        ("host:80", "host:80", nil),
    ])
    func target(text: String, path: String, query: String?) {
        let request = Request(target: text)
        #expect(request.path == path)
        #expect(request.query == query)
    }

    @Test(arguments: [
        ("/", []),
        ("/?", []),
        ("/?a=b&c=d", ["a:b", "c:d"]),
        ("/?a&b=&=c&&d", ["a:", "b:", ":c", "d:"]),
        ("/?a=b=c", ["a:b=c"]),
        ("/?filter%5Bphone%5D=%2B20+1", ["filter[phone]:+20 1"]),
        ("/?a=%e2%82%AC", ["a:€"]),
        ("/?a=%zz&b=%2&c=%", ["a:%zz", "b:%2", "c:%"]),
        ("/?a=%ff", ["a:\u{FFFD}"]),
    ])
    func queryItems(target: String, items: [String]) {
        #expect(Request(target: target).queryItems().map { "\($0.name):\($0.value)" } == items)
    }

    @Test func headersIgnoreCaseKeepOrderAndJoin() {
        var headers: Headers = ["Accept": "a", "Host": "h"]
        headers.add("ACCEPT", "b")
        #expect(headers["accept"] == "a, b")
        #expect(headers["missing"] == nil)
        #expect(headers.fields.map(\.name) == ["Accept", "Host", "ACCEPT"])
        headers.set("accept", "c")
        #expect(headers.fields.map(\.value).sorted() == ["c", "h"])
        #expect(headers["accept"] == "c")
    }
}
