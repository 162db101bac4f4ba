/// The texts that the user gave on the command line and in the environment.
public struct GivenValues: Sendable {
    private let flags: [String: [String]]
    /// The arguments that could not be understood.
    private let mistakes: [SettingsProblem]
    /// The environment of the process.
    public let environment: [String: String]
    /// The machine's name, which a shard's number may be derived from.
    let hostName: String

    /// - Parameter flags: the values of each flag, by its name without dashes; a switch has the value `true`.
    public init(
        flags: [String: [String]], mistakes: [SettingsProblem] = [], environment: [String: String],
        hostName: String = ""
    ) {
        (self.flags, self.mistakes, self.environment, self.hostName) = (flags, mistakes, environment, hostName)
    }

    /// Returns an environment variable; `nil` if it is not set or empty.
    func variable(_ name: String) -> String? {
        environment[name].flatMap { $0.isEmpty ? nil : $0 }
    }

    /// Returns the name of the flag, or else of the environment variable, that sets a property; `nil` if neither does.
    func place(_ property: PartialKeyPath<FlagValues>) -> String? {
        Flag.of(property).flatMap(value)?.place
    }

    /// The values of the flags, as far as they can be read.
    public var values: FlagValues { decode(Diagnostics()) }

    /// Decodes all flags, and reports those that cannot be.
    func decode(_ diagnostics: Diagnostics) -> FlagValues {
        for mistake in mistakes {
            diagnostics.report(mistake.place, mistake.problem)
        }
        var values = FlagValues()
        for flag in Flag.all {
            guard let (texts, place) = value(for: flag) else { continue }
            for text in texts {
                do throws(ValueProblem) {
                    try flag.decode(text, &values)
                } catch {
                    diagnostics.report(place, "\(flag.quote(text)) \(error.problem)")
                }
            }
        }
        if values.isDemo, place(\.interval) == nil {
            values.interval = FlagValues.demoInterval
        }
        if place(\.listenAddresses) == nil {
            try? values.listen(on: values.isDemo ? FlagValues.demoAddress : FlagValues.defaultAddress)
        }
        return values
    }

    /// Returns the values of a flag, and the name of the flag or variable that gives them; `nil` if it is not given.
    func value(for flag: Flag) -> (texts: [String], place: String)? {
        let variable = variable(flag.variable)
        guard let texts = flags[flag.name] ?? variable.map({ [$0] }) else { return nil }
        let place = flags[flag.name] == nil ? flag.variable : "--\(flag.name)"
        guard flag.isRepeatable else { return (Array(texts.suffix(1)), place) }
        return (texts.flatMap { $0.split(separator: ",", omittingEmptySubsequences: false).map(String.init) }, place)
    }
}
