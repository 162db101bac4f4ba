public import HTTPServer

/// What a health check has to know of the exporter it asks: where it listens. The rest, keys among it, may be out of reach.
public struct HealthCheckSettings: Sendable, Equatable {
    public var addresses: [ListenAddress]
    /// The web configuration file; nil for plain HTTP.
    public var webConfigFile: String?

    /// Reads the flags and the environment of the exporter.
    ///
    /// - Throws: `SettingsProblems` with what keeps the exporter from being found.
    public init(_ given: GivenValues) throws(SettingsProblems) {
        var reading = Reading(given)
        addresses = Settings.listenAddresses(&reading, isDemo: reading.isSet("demo"))
        webConfigFile = reading.text("web.config.file")
        let place = given.given("web.listen-address")?.place
        if reading.isSet("web.systemd-socket"), let socket = given.given("web.systemd-socket"), place == nil {
            reading.report(
                socket.place, "systemd alone knows the address: give --healthcheck the same as --web.listen-address")
        }
        for address in addresses where address.port == 0 && address.path == nil {
            reading.report(place ?? "", "\"\(address)\" is any free port, and a health check needs to know which")
        }
        guard reading.problems.isEmpty else {
            throw SettingsProblems(problems: reading.problems)
        }
    }
}
