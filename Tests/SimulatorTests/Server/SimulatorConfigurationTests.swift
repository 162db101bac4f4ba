import HTTPServer
import Testing

@testable import Simulator

@Suite struct SimulatorConfigurationTests {
    private static func made(_ change: (inout SimulatorConfiguration) -> Void) -> SimulatorConfiguration {
        var configuration = SimulatorConfiguration()
        change(&configuration)
        return configuration
    }

    @Test(arguments: ["127.0.0.1:0", "127.8.9.10:80", "[::1]:0", "localhost:9000"])
    func loopbackAddresses(text: String) throws {
        #expect(try Self.made { $0.listenAddress = text }.validated().address.description == text)
    }

    @Test(arguments: [
        ":0", "0.0.0.0:0", "192.0.2.1:0", "[::]:0", "example.org:0", "127.0.0.1", "127.evil.example.org:0",
        "127.0.0.256:0", "128.0.0.1:0", "127.0.0.1.example:1",
    ])
    func otherAddressesAreRefused(text: String) {
        do {
            _ = try Self.made { $0.listenAddress = text }.validated()
            Issue.record("\(text) was accepted")
        } catch {
            #expect(error.description.contains("\"\(text)\""))
        }
    }

    @Test(arguments: [
        (made { $0.instances = -1 }, "instances is -1"),
        (made { $0.instances = 1_000_001 }, "instances is 1000001"),
        (made { $0.pace = -1 }, "pace is -1"),
        (made { $0.pace = .nan }, "pace is nan"),
        (made { $0.form = .paged(size: 0) }, "page size is 0"),
        (made { $0.rateLimit = 0 }, "rate limit is 0"),
        (made { $0.token = "" }, "token is empty"),
        (made { $0.token = "a b" }, "token is empty or has characters"),
    ])
    func mistakesAreNamed(configuration: SimulatorConfiguration, expected: String) {
        do {
            _ = try configuration.validated()
            Issue.record("accepted")
        } catch {
            #expect(error.description.contains(expected))
        }
    }

    @Test func theTokenIsMadeFromTheSeed() throws {
        let token = try Self.made { $0.seed = 7 }.validated().token
        #expect(try /[0-9]{3}\|[A-Za-z0-9]{48}/.wholeMatch(in: token) != nil)
        #expect(try Self.made { $0.seed = 7 }.validated().token == token)
        #expect(try Self.made { $0.seed = 8 }.validated().token != token)
        #expect(try Self.made { $0.token = "5|own" }.validated().token == "5|own")
    }
}
