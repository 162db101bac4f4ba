import HTTPServer
import Testing

@testable import hypersender_exporter

/// The flags that a health check reads, and the answers that it takes for health.
struct HealthCheckTests {
    @Test(arguments: [
        // The first process of a container, alone or behind an init.
        (["/hypersender-exporter", "--demo", "--web.listen-address=:9"], ["--demo", "--web.listen-address=:9"]),
        (["/sbin/docker-init", "--", "/hypersender-exporter", "--demo"], ["--demo"]),
        (["hypersender-exporter"], []),
        // Others.
        (["/sbin/init", "--demo"], []), (["sh", "-c", "/hypersender-exporter --demo"], []), ([], []),
        (["/hypersender-exporter-x", "--demo"], []),
        // The check itself.
        (["/hypersender-exporter", "--healthcheck"], []),
    ])
    func goesByTheFlagsOfTheFirstProcess(first: [String], expected: [String]) {
        let arguments = HealthCheck.arguments(
            own: ["--healthcheck"], program: "/usr/bin/hypersender-exporter", ofFirstProcess: first)
        #expect(arguments == ["--healthcheck"] + expected)
    }

    @Test(arguments: [["--healthcheck", "--demo"], ["--demo"], [], ["--healthcheck", "--healthcheck"]])
    func flagsOfItsOwnAreAllThereIs(own: [String]) {
        let arguments = HealthCheck.arguments(
            own: own, program: "hypersender-exporter", ofFirstProcess: ["hypersender-exporter", "--log.level=debug"])
        #expect(arguments == own)
    }

    @Test(arguments: [
        (200, true), (401, true), (403, true), (429, true), (400, false), (404, false), (500, false), (503, false),
    ])
    func whoeverServesIsHealthy(status: Int, expected: Bool) {
        #expect(HealthCheck.serves(status) == expected)
    }
}
