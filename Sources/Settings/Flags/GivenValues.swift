import Basics
public import HTTPServer
import Monitoring

/// The texts that the user gave on the command line and in the environment, and the values of the flags in them.
public struct GivenValues: Sendable {
    /// The texts of each flag, by its name without dashes; a switch has the text `true`.
    private(set) var flags: [String: [String]] = [:]
    /// The values of the flags, as far as they can be read.
    public private(set) var values = FlagValues()
    /// The arguments and values that were not accepted.
    private(set) var mistakes: [SettingsProblem] = []
    /// Whether `--help` is given.
    public private(set) var asksForHelp = false
    /// Whether `--version` is given.
    public private(set) var asksForVersion = false
    /// The environment of the process.
    public let environment: [String: String]
    /// The machine's name, which a shard's number may be derived from.
    let hostName: String

    /// Parses arguments of the forms `--flag=value`, `--flag value` and `--switch`.
    public init(_ arguments: [String], environment: [String: String], hostName: String) {
        (self.environment, self.hostName) = (environment, hostName)
        var rest = arguments[...]
        while let argument = rest.popFirst() {
            switch argument {
            case "--help", "-h": asksForHelp = true
            case "--version": asksForVersion = true
            default: parse(argument, &rest)
            }
        }
        decode()
    }

    /// Parses an argument, and takes its value from the rest if it stands there.
    private mutating func parse(_ argument: String, _ rest: inout ArraySlice<String>) {
        let parts = argument.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false).map(String.init)
        let (place, value) = (parts[0], parts.count > 1 ? parts[1] : nil)
        guard place.hasPrefix("--"), let flag = Flag.byName[String(place.dropFirst(2))] else {
            // It may be a key in the wrong place.
            mistakes.append(SettingsProblem(Redaction.apply(to: place), Self.advice(place)))
            if place.hasPrefix("-"), value == nil, rest.first?.hasPrefix("-") == false {
                // Probably its value.
                rest.removeFirst()
            }
            return
        }
        if let placeholder = flag.placeholder {
            if let value = value ?? (rest.first?.hasPrefix("--") == false ? rest.popFirst() : nil) {
                flags[flag.name, default: []].append(value)
            } else {
                mistakes.append(SettingsProblem(place, "needs a value: \(place)=\(placeholder)"))
            }
        } else if value == nil {
            flags[flag.name] = ["true"]
        } else {
            mistakes.append(SettingsProblem(place, "takes no value"))
        }
    }

    private static func advice(_ place: String) -> String {
        guard place.hasPrefix("-") else { return "unexpected argument" }
        if ["--hypersender.token", "--token"].contains(place) {
            return "no flag takes the API key, which everybody on the machine could read in the list of processes: set"
                + " HYPERSENDER_TOKEN, or point --hypersender.token-file to a file that holds the key"
        }
        return "unknown flag\(KeyName.advice(place, Flag.all.map { "--\($0.name)" }))"
    }

    /// Reports variables of ours that nothing reads.
    func reportUnknownVariables(besides others: Set<String>, _ diagnostics: Diagnostics) {
        let known = ["HYPERSENDER_TOKEN"] + Flag.all.map(\.variable)
        for name in environment.keys.sorted() where name.hasPrefix("HYPERSENDER_") && variable(name) != nil {
            guard !known.contains(name), !others.contains(name) else { continue }
            // Kubernetes names the addresses of services so: HYPERSENDER_EXPORTER_SERVICE_HOST.
            if ["_SERVICE_HOST", "_PORT"].contains(where: name.hasSuffix) || name.contains("_PORT_") { continue }
            diagnostics.report(Redaction.apply(to: name), "unknown variable\(KeyName.advice(name, known))")
        }
    }

    /// Returns an environment variable; `nil` if it is not set or empty.
    func variable(_ name: String) -> String? {
        environment[name].flatMap { $0.isEmpty ? nil : $0 }
    }

    /// Returns the name of the flag, or else of the environment variable, that sets a property; `nil` if neither does.
    func place(_ property: PartialKeyPath<FlagValues>) -> String? {
        Flag.of(property).flatMap(value)?.place
    }

    /// Reports the arguments and values that were not accepted.
    func reportMistakes(_ diagnostics: Diagnostics) {
        mistakes.forEach { diagnostics.report($0.place, $0.problem) }
    }

    private mutating func decode() {
        for flag in Flag.all {
            guard let (texts, place) = value(for: flag) else { continue }
            for text in texts {
                do throws(Problem) {
                    try flag.decode(text, &values)
                } catch {
                    mistakes.append(SettingsProblem(place, "\(flag.quote(text)) \(error)"))
                }
            }
        }
        if values.isDemo, place(\.options.interval) == nil {
            values.options.interval = FlagValues.demoInterval
        }
        if place(\.listenAddresses) == nil {
            try? values.listen(on: values.isDemo ? FlagValues.demoAddress : FlagValues.defaultAddress)
        }
    }

    /// Returns the values of a flag, and the name of the flag or variable that gives them; `nil` if it is not given.
    func value(for flag: Flag) -> (texts: [String], place: String)? {
        let given = flags[flag.name].map { ($0, "--\(flag.name)") }
        guard let (texts, place) = given ?? variable(flag.variable).map({ ([$0], flag.variable) }) else { return nil }
        guard flag.isRepeatable else { return (texts.suffix(1), place) }
        return (texts.flatMap { $0.split(separator: ",", omittingEmptySubsequences: false).map(String.init) }, place)
    }

    /// Returns the addresses at which a health check finds the exporter. Its other settings may be out of reach.
    ///
    /// - Throws: `SettingsProblems` with what keeps the exporter from being found.
    public func addressesToCheck() throws(SettingsProblems) -> [ListenAddress] {
        let diagnostics = Diagnostics()
        reportMistakes(diagnostics)
        let place = place(\.listenAddresses)
        if values.usesSystemdSockets, place == nil, let socket = self.place(\.usesSystemdSockets) {
            diagnostics.report(
                socket, "systemd alone knows the address: give --healthcheck the same as --web.listen-address")
        }
        for address in values.listenAddresses where address.isAnyPort {
            diagnostics.report(place ?? "", "\"\(address)\" is any free port, and a health check needs to know which")
        }
        try diagnostics.throwProblems()
        return values.listenAddresses
    }
}
