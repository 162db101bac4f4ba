public import HTTPServer

/// The settings that a health check finds the exporter by. Others, keys among them, may be out of its reach.
public struct HealthCheckSettings: Sendable, Equatable {
    /// All addresses the exporter listens on.
    public let addresses: [ListenAddress]
    /// The web configuration file; `nil` for plain HTTP.
    public let webConfigFile: String?

    /// Reads the flags and the environment of the exporter.
    ///
    /// - Throws: `SettingsProblems` with what keeps the exporter from being found.
    public init(_ given: GivenValues) throws(SettingsProblems) {
        let diagnostics = Diagnostics()
        let flags = given.decode(diagnostics)
        (addresses, webConfigFile) = (flags.listenAddresses, flags.webConfigFile)
        let place = given.place(\.listenAddresses)
        if flags.usesSystemdSockets, place == nil, let socket = given.place(\.usesSystemdSockets) {
            diagnostics.report(
                socket, "systemd alone knows the address: give --healthcheck the same as --web.listen-address")
        }
        for address in addresses where address.isAnyPort {
            diagnostics.report(place ?? "", "\"\(address)\" is any free port, and a health check needs to know which")
        }
        try diagnostics.throwProblems()
    }
}
