import HTTPServer
import Testing

@testable import Settings

/// The address at which a health check looks for the exporter.
struct AddressesToCheckTests {
    private func addresses(
        _ flags: [String: [String]], _ environment: [String: String] = [:]
    ) throws(SettingsProblems) -> [String] {
        try GivenValues(flags: flags, environment: environment).addressesToCheck().map(\.description)
    }

    private func problems(_ flags: [String: [String]], _ environment: [String: String] = [:]) -> [String] {
        descriptions(ofProblemsIn: { () throws(SettingsProblems) in try addresses(flags, environment) })
    }

    @Test func needsNoToken() throws {
        #expect(try addresses([:]) == [":10058"])
        #expect(GivenValues(flags: [:], environment: [:]).values.webConfigFile == nil)
    }

    @Test func readsWhatTheExporterReads() throws {
        #expect(try addresses(["demo": ["true"]]) == ["127.0.0.1:10058"])
        let environment = [
            "HYPERSENDER_WEB_LISTEN_ADDRESS": ":1,unix:/run/a", "HYPERSENDER_WEB_CONFIG_FILE": "/web.yml",
        ]
        #expect(try addresses([:], environment) == [":1", "unix:/run/a"])
        #expect(GivenValues(flags: [:], environment: environment).values.webConfigFile == "/web.yml")
        #expect(try addresses(["web.listen-address": ["[::1]:2"]], environment) == ["[::1]:2"])
    }

    @Test func saysWhatKeepsItFromLooking() {
        #expect(
            problems(["web.listen-address": ["127.0.0.1:0"]]) == [
                "--web.listen-address: \"127.0.0.1:0\" is any free port, and a health check needs to know which"
            ])
        #expect(problems([:], ["HYPERSENDER_WEB_LISTEN_ADDRESS": "nonsense"]).count == 1)
        let socket = ["HYPERSENDER_WEB_SYSTEMD_SOCKET": "true"]
        #expect(
            problems([:], socket) == [
                "HYPERSENDER_WEB_SYSTEMD_SOCKET: systemd alone knows the address: give --healthcheck the same as"
                    + " --web.listen-address"
            ])
        #expect(problems(["web.listen-address": [":9"]], socket).isEmpty)
    }
}
