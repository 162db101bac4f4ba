import CBuildInfo

/// The version of this program, and its sources and tools.
enum BuildInformation {
    static let version = String(cString: exporter_version())
    static let revision = String(cString: exporter_revision())
    /// Major and minor version: the standard library does not tell patches apart.
    static let swiftVersion = String("\(_SwiftStdlibVersion.current)".dropLast(".0".count))

    #if arch(x86_64)
        private static let architecture = "x86_64"
    #elseif arch(arm64)
        private static let architecture = "aarch64"
    #else
        private static let architecture = "unknown"
    #endif

    static let target = "\(architecture)-unknown-linux-gnu"

    static let description = """
        hypersender-exporter, version \(version) (revision: \(revision))
          swift version:    \(swiftVersion)
          target:           \(target)
        """
}
