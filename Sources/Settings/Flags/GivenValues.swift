/// What the user gave, on the command line and in the environment, as text.
public struct GivenValues: Sendable {
    private let flags: [String: [String]]
    private let environment: [String: String]
    /// The machine's name.
    let hostName: String

    /// - Parameters:
    ///   - flags: the values of each flag that was given, by its name without dashes; a switch has the value `true`.
    ///   - environment: the process's environment.
    ///   - hostName: the machine's name, of which a shard's number may be taken.
    public init(flags: [String: [String]], environment: [String: String], hostName: String = "") {
        self.hostName = hostName
        self.flags = flags
        self.environment = environment
    }

    /// A value and where it comes from.
    struct Given {
        var values: [String]
        /// How the place is named to the user: `--poll.interval` or `HYPERSENDER_POLL_INTERVAL`.
        var place: String
    }

    /// The environment variable that a flag also reads: `--poll.interval` is `HYPERSENDER_POLL_INTERVAL`.
    public static func variable(for flag: String) -> String {
        let prefix = "hypersender."
        let name = flag.hasPrefix(prefix) ? String(flag.dropFirst(prefix.count)) : flag
        return "HYPERSENDER_" + String(name.map { $0 == "." || $0 == "-" ? "_" : $0 }).uppercased()
    }

    /// What was given for a flag: the flag itself, else its environment variable. An empty variable counts as not given.
    func given(_ flag: String) -> Given? {
        if let values = flags[flag] {
            return Given(values: values, place: "--\(flag)")
        }
        let variable = Self.variable(for: flag)
        guard let value = environment[variable], !value.isEmpty else {
            return nil
        }
        return Given(values: [value], place: variable)
    }

    /// An environment variable that no flag stands for. An empty one counts as not given.
    func variable(_ name: String) -> String? {
        environment[name].flatMap { $0.isEmpty ? nil : $0 }
    }
}

/// One mistake in what the user gave.
public struct SettingsProblem: Error, Sendable, Equatable, CustomStringConvertible {
    /// The flag, variable or line at fault.
    public let place: String
    /// What is wrong, and what to do.
    public let problem: String

    init(_ place: String, _ problem: String) {
        self.place = place
        self.problem = problem
    }

    public var description: String { "\(place): \(problem)" }
}

/// All mistakes that were found, at least one.
public struct SettingsProblems: Error, Sendable, Equatable {
    public let problems: [SettingsProblem]

    public init(problems: [SettingsProblem]) {
        self.problems = problems
    }
}
