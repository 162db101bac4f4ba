import Basics
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
        let error = #expect(throws: Problem.self) { try proxy(["HTTPS_PROXY": text], for: "https://api.test") }
        #expect(error?.description.contains(text) == false)
        #expect(error?.description.contains("HTTPS_PROXY") == true)
    }

    /// The environment is shared with other programs.
    @Test(arguments: ["https://p.test", "ftp://p.test", "http://:3128", "socks5://u:p@p.test", "::::"])
    func aProxyThatIsNotNeededMayBeAnything(text: String) throws {
        #expect(try proxy(["HTTP_PROXY": text], for: "https://api.test") == nil)
        #expect(try proxy(["HTTPS_PROXY": text, "NO_PROXY": "api.test"], for: "https://api.test") == nil)
        #expect(try proxy(["HTTP_PROXY": text, "HTTPS_PROXY": text], for: "http://127.0.0.1") == nil)
        #expect(try proxy(["HTTP_PROXY": text, "HTTPS_PROXY": "p.test"], for: "https://api.test")?.host == "p.test")
    }

    @Test func anEmptyVariableIsNone() throws {
        #expect(try proxy(["HTTPS_PROXY": "", "https_proxy": ""], for: "https://api.test") == nil)
        #expect(try proxy([:], for: "https://api.test") == nil)
        #expect(
            try proxy(["HTTPS_PROXY": "p.test", "NO_PROXY": "", "no_proxy": "api.test"], for: "https://api.test") == nil
        )
    }

    @Test(arguments: [
        ("api.test", true), ("test", true), (".test", true), ("*.test", true), (".api.test", false), ("pi.test", false),
        ("other.test", false), ("api.test:443", true), ("api.test:8443", false), ("a, api.test ,b", true), ("*", true),
        ("", false),
        ("API.TEST", true), ("a api.test", true), ("a\tapi.test\nb", true), ("a ,, api.test", true),
        ("api.test.", true),
        ("api.test:443.", false),
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
        ("https://[2001:db8::5]", "[2001:db8::5]", true), ("https://[::ffff:10.1.2.3]", "10.0.0.0/8", true),
        ("https://10.1.2.3", "::ffff:10.0.0.0/104", true), ("https://11.1.2.3", "::ffff:10.0.0.0/104", false),
        ("https://10.1.2.3", "::ffff:a01:203", true), ("https://10.1.2.3", "2.3", false),
    ])
    func exceptionsByAddress(url: String, list: String, isDirect: Bool) throws {
        #expect((try proxy(["HTTPS_PROXY": "p.test", "NO_PROXY": list], for: url) == nil) == isDirect)
    }

    @Test(arguments: [
        "10.0.0.0/99", "10.0.0.0/33", "10.0.0/8", "10.0.0.0/", "10.0.0.0/+8", "10.0.0.0/-1", "10.0.0.0/8/8", "/8",
        "2001:db8::/129", "::ffff:10.0.0.0/90", "[2001:db8::]/32", "fe80::1%eth0", "192.0.2.*", "192.168.", "10",
        "300.1.1.1", "10.0.0.1-10.0.0.9", "\"api.test\"", "'api.test'", "http://api.test", "https://api.test:443",
        "api.test/path", "*api.test", "api.*.test", "*.", ".", "..test", "a..test", "api.test:", "api.test:0",
        "api.test:99999", "api.test:https", "<local>", "api.test;b.test", "api.test|b.test", "b\u{FC}cher.test",
    ])
    func exceptionsThatNeverMatchAreNamed(entry: String) throws {
        let settings = ProxySettings(environment: ["no_proxy": "a.test, \(entry) b.test", "https_proxy": "p.test"])
        #expect(settings.uselessExceptions == ["\"\(entry)\""])
        #expect(settings.exceptionsVariable == "no_proxy")
        // The others still count.
        #expect(try settings.proxy(for: BaseURL("https://b.test")) == nil)
        #expect(try settings.proxy(for: BaseURL("https://api.test"))?.host == "p.test")
    }

    @Test func exceptionsThatMayMatchAreNotNamed() {
        let list = """
            localhost,127.0.0.1,::1,.svc,.cluster.local *.corp.test 10.0.0.0/8 10.1.2.3/8 fe80::/10 [::1] [::1]:80
            169.254.169.254 api.test:443 my_host host-1 1password.com api.test. *
            """
        #expect(ProxySettings(environment: ["NO_PROXY": list]).uselessExceptions.isEmpty)
    }

    @Test func aPasswordInAnExceptionIsNotQuoted() {
        let settings = ProxySettings(environment: ["NO_PROXY": "http://me:s3cret@p.test"])
        #expect(settings.uselessExceptions == ["<redacted>"])
    }

    @Test(arguments: [
        "http://127.0.0.1:9/v1", "http://localhost/v1", "http://[::1]/v1", "https://127.1.2.3/v1",
        "http://[::ffff:127.0.0.1]/v1", "http://[::FFFF:7F00:1]:9",
    ])
    func loopbackIsAlwaysDirect(url: String) throws {
        #expect(try proxy(["HTTPS_PROXY": "p.test", "HTTP_PROXY": "p.test"], for: url) == nil)
    }
}
