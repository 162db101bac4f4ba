import Basics
import NIOCore
import Testing

@testable import HTTPServer

@Suite struct ListenAddressTests {
    @Test(arguments: [
        (":10058", "", 10058),
        ("127.0.0.1:0", "127.0.0.1", 0),
        ("[::1]:9000", "::1", 9000),
        ("[fe80::1%eth0]:9000", "fe80::1%eth0", 9000),
        ("localhost:80", "localhost", 80),
        ("a-b.example:65535", "a-b.example", 65535),
        ("unix:80", "unix", 80),
    ])
    func accepted(text: String, host: String, port: Int) throws {
        let address = try ListenAddress(text)
        #expect(address.host == host)
        #expect(address.port == port)
        #expect(address.path == nil)
        #expect(address.description == text)
    }

    @Test func unixSocket() throws {
        let address = try ListenAddress("unix:/run/a b:1.sock")
        #expect(address.path == "/run/a b:1.sock")
        #expect(address.host == "" && address.port == 0)
        #expect(address.description == "unix:/run/a b:1.sock")
        #expect(try address != ListenAddress(":0"))
        let longest = "unix:/" + String(repeating: "a", count: 106)
        #expect(try ListenAddress(longest).description == longest)
        #expect(throws: Problem.self) { try ListenAddress(longest + "a") }
    }

    @Test(arguments: [
        ("", "the port is missing"),
        ("127.0.0.1", "the port is missing"),
        ("[::1]", "the port is missing"),
        ("127.0.0.1:", "the port must be a number"),
        (":http", "the port must be a number"),
        (":65536", "the port must be a number"),
        (":-1", "the port must be a number"),
        (":+1", "the port must be a number"),
        (":1 ", "the port must be a number"),
        ("::1:9000", "needs brackets"),
        ("[::1:9000", "brackets do not match"),
        ("::1]:9000", "brackets do not match"),
        ("[]:9000", "must be an IPv6 address"),
        ("[localhost]:9000", "must be an IPv6 address"),
        ("a b:9000", "not a host name"),
        ("http://a:9000", "needs brackets"),
        ("a/b:9000", "not a host name"),
        ("unix:", "the port must be a number"),
        ("unix:run/a.sock", "absolute"),
        ("unix:/run/", "that of a file"),
        ("unix:/run/a\n.sock", "control character"),
        ("unix:/run/a\0.sock", "control character"),
    ])
    func rejected(text: String, reason: String) {
        let error = #expect(throws: Problem.self) { try ListenAddress(text) }
        #expect(error?.description.contains(reason) == true, "\(error?.description ?? "")")
    }

    @Test func emptyHostFallsBackToIPv4() async throws {
        let both = try await Listener.candidates(for: ListenAddress(":1"))
        #expect(both.map(\.ipAddress) == ["::", "0.0.0.0"])
        #expect(Listener.lacksIPv6(IOError(errnoCode: 97, reason: "socket")))
        #expect(!Listener.lacksIPv6(IOError(errnoCode: 98, reason: "bind")))
    }
}
