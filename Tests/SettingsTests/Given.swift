@testable import Settings

extension GivenValues {
    /// Creates the values of a command line with these flags.
    init(flags: [String: [String]], environment: [String: String], hostName: String = "") {
        let arguments = flags.flatMap { name, values in
            values.map { Flag.byName[name]?.placeholder == nil ? "--\(name)" : "--\(name)=\($0)" }
        }
        self.init(arguments, environment: environment, hostName: hostName)
    }
}

extension Settings {
    /// Reads flags and environment.
    ///
    /// - Throws: `SettingsProblems` with every mistake there is.
    init(_ given: GivenValues) throws(SettingsProblems) {
        let diagnostics = Diagnostics()
        self.init(given, diagnostics)
        try diagnostics.throwProblems()
    }
}
