import Basics
import Testing

@testable import HypersenderAPI

struct BaseURLTests {
    @Test(arguments: [
        ("https://app.hypersender.com/api/whatsapp/v1", "https://app.hypersender.com/api/whatsapp/v1"),
        ("HTTPS://App.Hypersender.COM:443/api/", "https://app.hypersender.com/api"),
        ("https://example.test", "https://example.test"), ("https://example.test:8443//", "https://example.test:8443"),
        ("http://127.0.0.1:80/v1", "http://127.0.0.1/v1"), ("http://localhost:9/v1", "http://localhost:9/v1"),
        ("http://[::1]:8080/x", "http://[::1]:8080/x"), ("http://127.8.9.1:1", "http://127.8.9.1:1"),
        ("http://[::ffff:127.0.0.1]:9", "http://[::ffff:127.0.0.1]:9"), ("https://h.test/a@b", "https://h.test/a@b"),
    ])
    func reads(text: String, url: String) throws {
        #expect(try BaseURL(text).description == url)
    }

    @Test(arguments: [
        "", " ", "app.hypersender.com", "//host/path", "ftp://host/", "file:///etc/passwd", "https://", "https:///path",
        "https://user@host/", "https://user:secret@host/", "https://host/?a=1", "https://host/#f",
        "http://example.test/",
        "http://10.0.0.1/", "http://127.0.0.1.example.test/", "http://localhost.example.test/", "https://host:0/",
        "https://host:65536/", "https://ho st/", "javascript:alert(1)", "https://a%0d%0ab/",
        "https://a%20b/", "https://[::1", "http://[::ffff:10.0.0.1]/", "http://[::127.0.0.1]/",
    ])
    func rejects(text: String) {
        #expect(throws: Problem.self) { try BaseURL(text) }
    }

    @Test(arguments: [
        ("https://h.test/v1 ", "white space"), (" https://h.test/v1", "white space"),
        ("https://h.test/v1\n", "white space"),
        ("https://h.test/\tv1", "white space"), ("https://h.test/a b", "white space"),
        ("https://h.test/\u{A0}v1", "white space"), ("https://h.test/v1\r\n", "white space"),
        ("https://h.test/\u{3000}v1", "white space"), ("https://h.test/\u{0}v1", "control character"),
        ("https://h.test/v1\u{7F}", "control character"), ("https://h.test/\u{1B}[31m", "control character"),
        ("https://h.test/v1\u{200B}", "control character"), ("\u{FEFF}https://h.test/v1", "control character"),
        ("https://h.test/v1?", "a query"), ("https://h.test/v1?a=1", "a query"), ("https://h.test?a", "a query"),
        ("https://h.test/v1#", "a fragment"), ("https://h.test/v1#a", "a fragment"),
        ("https://h.test/?a#b", "a fragment"),
        ("https://@h.test/", "user"), ("https://:@h.test/", "user"), ("https://me@h.test/", "user"),
        ("https://me:secret@h.test/", "user"),
    ])
    func saysWhatItRejects(text: String, word: String) {
        let error = #expect(throws: Problem.self) { try BaseURL(text) }
        #expect(error?.description.contains(word) == true, "\(error?.description ?? "")")
        #expect(error?.description.contains("secret") == false)
    }

    @Test(arguments: [
        ("localhost", true), ("api.localhost", true), ("127.0.0.1", true), ("127.255.0.9", true), ("::1", true),
        ("0:0:0:0:0:0:0:1", true), ("::ffff:127.0.0.1", true), ("::FFFF:127.9.9.9", true), ("::ffff:7f00:1", true),
        ("0:0:0:0:0:ffff:127.0.0.1", true), ("0000:0000:0000:0000:0000:ffff:7f00:0001", true),
        ("::ffff:10.0.0.1", false), ("::fffe:127.0.0.1", false), ("::127.0.0.1", false), ("1::ffff:127.0.0.1", false),
        ("64:ff9b::127.0.0.1", false), ("128.0.0.1", false), ("::2", false), ("localhost.test", false),
        ("127.0.0.1.test", false),
    ])
    func loopbackIsThisMachine(host: String, isLoopback: Bool) {
        #expect(IPAddress.isLoopback(host: host) == isLoopback)
    }

    @Test func plainHTTPElsewhereMustBeAllowed() throws {
        #expect(try BaseURL("http://example.test/v1", allowHTTP: true).port == 80)
    }

    @Test func filtersAreEncoded() throws {
        let base = try BaseURL("https://h.test/v1")
        #expect(base.instances(InstanceFilter()) == "/v1/instances")
        for (filter, query) in [
            (InstanceFilter(uuid: "a-1"), "filter%5Buuid%5D=a-1"),
            (InstanceFilter(name: "Büro & Co=1"), "filter%5Bname%5D=B%C3%BCro%20%26%20Co%3D1"),
            (InstanceFilter(phone: "+201"), "filter%5Bphone%5D=%2B201"),
            (InstanceFilter(status: "FAILED,PENDING"), "filter%5Bstatus%5D=FAILED%2CPENDING"),
            (
                InstanceFilter(uuid: "u", name: "n", phone: "p", status: "s"),
                "filter%5Buuid%5D=u&filter%5Bname%5D=n&filter%5Bphone%5D=p&filter%5Bstatus%5D=s"
            ),
        ] {
            #expect(base.instances(filter) == "/v1/instances?\(query)")
        }
    }

    /// Whatever a link says, a page is fetched from the origin and path of the list or not at all.
    @Test(
        arguments: [
            ("https://h.test/v1/instances?page=2", "/v1/instances?page=2"),
            ("https://H.TEST:443/v1/instances?page=2", "/v1/instances?page=2"),
            ("https://h.test/other?page=2", nil), ("/v1/instances/2", nil), ("/v1/Instances?page=2", nil),
            ("https://h.test/?page=2", nil), ("https://h.test?page=2", nil), ("/v1/x/../instances?page=2", nil),
            ("/v1/instances?page=2#top", "/v1/instances?page=2"), ("", "/v1/instances"),
            ("/v1/instances?page=2", "/v1/instances?page=2"),
            ("?page=2", "/v1/instances?page=2"),
            ("instances?page=2", "/v1/instances?page=2"),
            ("http://h.test/v1/instances?page=2", "/v1/instances?page=2"),
            ("//h.test/v1/instances?page=2", "/v1/instances?page=2"),
            ("https://user:pass@h.test/v1/instances?page=2", "/v1/instances?page=2"),
            ("https://evil.test/v1/instances?page=2", nil),
            ("//evil.test/v1/instances?page=2", nil), ("https://h.test.evil.test/?page=2", nil),
            ("https://h.test:8443/v1/instances", nil), ("https://h.test@evil.test/", nil), ("http://h.test:8080/", nil),
            ("ftp://h.test/", nil), ("https://", nil), ("\\\\evil.test\\", nil),
            ("https:\\\\evil.test", nil),
        ] as [(String, String?)])
    func pagesStayWithinTheOrigin(link: String, page: String?) throws {
        #expect(try BaseURL("https://h.test/v1").page(link: link, InstanceFilter()) == page)
    }

    @Test func lostFiltersArePutBack() throws {
        let base = try BaseURL("http://127.0.0.1:99/v1")
        let filter = InstanceFilter(status: "WORKING")
        #expect(
            base.page(link: "?page=2", filter) == "/v1/instances?page=2&filter%5Bstatus%5D=WORKING")
        let kept = "/v1/instances?filter%5Bstatus%5D=WORKING&page=2"
        #expect(base.page(link: "http://127.0.0.1:99" + kept, filter) == kept)
        #expect(base.page(link: "https://127.0.0.1:99/", filter) == nil)
    }

    /// A query is asked for as the link has it, but with the account's own filters, each of them once.
    @Test(
        arguments: [
            ("filter[name]=B%C3%BCro%20A&page=2", "filter%5Bname%5D=B%C3%BCro%20A&page=2"),
            ("filter[name]=Büro A&page=2", "filter%5Bname%5D=B%C3%BCro%20A&page=2"),
            ("filter%5Bname%5D=B%C3%BCro+A&page=2", "filter%5Bname%5D=B%C3%BCro%20A&page=2"),
            ("filter%255Bname%255D=x&page=2", "filter%255Bname%255D=x&page=2&filter%5Bname%5D=B%C3%BCro%20A"),
            ("page[number]=2&page[size]=5", "page%5Bnumber%5D=2&page%5Bsize%5D=5&filter%5Bname%5D=B%C3%BCro%20A"),
            ("filter[name]=other&page=2&filter[name]=third", "filter%5Bname%5D=B%C3%BCro%20A&page=2"),
            ("cursor=eyJ%3D&x=%zz%", "cursor=eyJ%3D&x=%25zz%25&filter%5Bname%5D=B%C3%BCro%20A"),
            ("&&page=2&", "page=2&filter%5Bname%5D=B%C3%BCro%20A"),
        ])
    func queriesAreEncodedOnce(query: String, expected: String) throws {
        let filter = InstanceFilter(name: "Büro A")
        #expect(
            try BaseURL("https://h.test/v1").page(link: "?" + query, filter) == "/v1/instances?" + expected)
    }
}
