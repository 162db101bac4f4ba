/// One mistake in what the user gave.
public struct SettingsProblem: Error, Sendable, Equatable, CustomStringConvertible {
    /// The flag, variable or line at fault.
    public let place: String
    /// The mistake, and what to do.
    public let problem: String

    /// Creates a problem.
    public init(_ place: String, _ problem: String) {
        (self.place, self.problem) = (place, problem)
    }

    public var description: String { "\(place): \(problem)" }
}

/// All mistakes that were found, at least one.
public struct SettingsProblems: Error, Sendable, Equatable {
    /// The mistakes, each with its place.
    public let problems: [SettingsProblem]

    /// Creates an error of at least one mistake.
    public init(_ problems: [SettingsProblem]) {
        self.problems = problems
    }
}
