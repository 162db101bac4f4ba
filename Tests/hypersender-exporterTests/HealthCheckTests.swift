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
        (Probe.Answer.status(200), true), (.status(401), true), (.status(403), true), (.status(429), true),
        (.refused, true),
        (.status(400), false), (.status(404), false), (.status(500), false), (.status(503), false),
    ])
    func whoeverServesIsHealthy(answer: Probe.Answer, expected: Bool) {
        #expect(HealthCheck.serves(answer) == expected)
    }
}
