import Testing

@testable import HypersenderAPI

struct ProxySettingsTests {
    private func proxy(_ environment: [String: String], for url: String) throws -> ProxySettings.Proxy? {
        try ProxySettings(environment: environment).proxy(for: BaseURL(url, allowHTTP: true))
    }

    @Test(arguments: [
        ("http://p.test:3128", ProxySettings.Proxy(kind: .http, host: "p.test", port: 3128)),
        ("p.test:3128", .init(kind: .http, host: "p.test", port: 3128)),
        ("http://p.test", .init(kind: .http, host: "p.test", port: 80)),
        ("http://[::1]:3128", .init(kind: .http, host: "::1", port: 3128)),
        ("socks5://p.test", .init(kind: .socks5, host: "p.test", port: 1080)),
        ("http://me:s%40crt@p.test:1", .init(kind: .http, host: "p.test", port: 1, user: "me", password: "s@crt")),
    ])
    func readsAddresses(text: String, proxy expected: ProxySettings.Proxy) throws {
        #expect(try proxy(["HTTPS_PROXY": text], for: "https://api.test") == expected)
        #expect(try proxy(["https_proxy": text], for: "https://api.test") == expected)
        #expect(try proxy(["HTTP_PROXY": text], for: "http://api.test") == expected)
        #expect(try proxy(["HTTPS_PROXY": text], for: "http://api.test") == nil)
        #expect(try proxy(["HTTP_PROXY": text], for: "https://api.test") == nil)
    }

    @Test(arguments: [
        "https://p.test", "ftp://p.test", "http://:3128", "http://p.test:99999", "http://p.test:0",
        "socks5://u:p@p.test", "::::",
    ])
    func rejectsOthersWithoutQuotingThem(text: String) {
        let error = #expect(throws: ProxyError.self) { try ProxySettings(environment: ["HTTPS_PROXY": text]) }
        #expect(error?.description.contains(text) == false)
        #expect(error?.description.contains("HTTPS_PROXY") == true)
    }

    @Test func anEmptyVariableIsNone() throws {
        #expect(try proxy(["HTTPS_PROXY": "", "https_proxy": ""], for: "https://api.test") == nil)
        #expect(try proxy([:], for: "https://api.test") == nil)
    }

    @Test(arguments: [
        ("api.test", true), ("test", true), (".test", true), ("*.test", true), (".api.test", false), ("pi.test", false),
        ("other.test", false), ("api.test:443", true), ("api.test:8443", false), ("a, api.test ,b", true), ("*", true),
        ("", false),
        ("API.TEST", true),
    ])
    func exceptionsByName(list: String, isDirect: Bool) throws {
        let found = try proxy(["HTTPS_PROXY": "p.test", "NO_PROXY": list], for: "https://api.test")
        #expect((found == nil) == isDirect)
    }

    @Test(arguments: [
        ("https://10.1.2.3", "10.0.0.0/8", true), ("https://11.1.2.3", "10.0.0.0/8", false),
        ("https://10.1.2.3", "10.1.2.3", true),
        ("https://10.1.2.3:99", "10.1.2.3:98", false), ("https://[2001:db8::5]", "2001:db8::/32", true),
        ("https://[2001:db9::5]", "2001:db8::/32", false), ("https://10.1.2.3", "10.0.0.0/99", false),
        ("https://10.1.2.3", "0.0.0.0/0", true), ("https://[2001:db8::5]", "[2001:db8::5]:443", true),
    ])
    func exceptionsByAddress(url: String, list: String, isDirect: Bool) throws {
        #expect((try proxy(["HTTPS_PROXY": "p.test", "NO_PROXY": list], for: url) == nil) == isDirect)
    }

    @Test(arguments: ["http://127.0.0.1:9/v1", "http://localhost/v1", "http://[::1]/v1", "https://127.1.2.3/v1"])
    func loopbackIsAlwaysDirect(url: String) throws {
        #expect(try proxy(["HTTPS_PROXY": "p.test", "HTTP_PROXY": "p.test"], for: url) == nil)
    }
}
