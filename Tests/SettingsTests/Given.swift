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

/// Returns what keeps `body` from its end, as the user reads it.
func descriptions<Value>(ofProblemsIn body: () throws(SettingsProblems) -> Value) -> [String] {
    do throws(SettingsProblems) {
        _ = try body()
        return []
    } catch {
        return error.problems.map(\.description)
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
