import HTTPServer
import Testing

@testable import Settings

/// The address at which a health check looks for the exporter.
struct HealthCheckSettingsTests {
    private func settings(
        _ flags: [String: [String]], _ environment: [String: String] = [:]
    ) throws(SettingsProblems) -> HealthCheckSettings {
        try HealthCheckSettings(GivenValues(flags: flags, environment: environment))
    }

    private func problems(_ flags: [String: [String]], _ environment: [String: String] = [:]) -> [String] {
        do throws(SettingsProblems) {
            _ = try settings(flags, environment)
            return []
        } catch {
            return error.problems.map(\.description)
        }
    }

    @Test func needsNoToken() throws {
        let settings = try settings([:])
        #expect(settings.addresses.map(\.description) == [":10058"])
        #expect(settings.webConfigFile == nil)
    }

    @Test func readsWhatTheExporterReads() throws {
        let demo = try settings(["demo": ["true"]])
        #expect(demo.addresses.map(\.description) == ["127.0.0.1:10058"])
        let environment = [
            "HYPERSENDER_WEB_LISTEN_ADDRESS": ":1,unix:/run/a", "HYPERSENDER_WEB_CONFIG_FILE": "/web.yml",
        ]
        let fromEnvironment = try settings([:], environment)
        #expect(fromEnvironment.addresses.map(\.description) == [":1", "unix:/run/a"])
        #expect(fromEnvironment.webConfigFile == "/web.yml")
        let fromFlags = try settings(["web.listen-address": ["[::1]:2"]], environment)
        #expect(fromFlags.addresses.map(\.description) == ["[::1]:2"])
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
