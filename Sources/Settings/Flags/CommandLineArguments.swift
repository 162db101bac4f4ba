import Basics

/// The command line, as far as it can be understood.
public struct CommandLineArguments: Sendable {
    /// The values of each flag, by its name without dashes; a switch has the value `true`.
    public private(set) var flags: [String: [String]] = [:]
    /// The arguments that could not be understood.
    public private(set) var mistakes: [SettingsProblem] = []
    /// Whether `--help` is given.
    public private(set) var asksForHelp = false
    /// Whether `--version` is given.
    public private(set) var asksForVersion = false

    /// Parses arguments of the forms `--flag=value`, `--flag value` and `--switch`.
    public init(_ arguments: some Sequence<String>) {
        var rest = Array(arguments)[...]
        while let argument = rest.popFirst() {
            let parts = argument.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
            let place = String(parts[0])
            var value = parts.count > 1 ? String(parts[1]) : nil
            let flag = place.hasPrefix("--") ? Flag.byName[String(place.dropFirst(2))] : nil
            if ["--help", "-h"].contains(argument) {
                asksForHelp = true
            } else if argument == "--version" {
                asksForVersion = true
            } else if let flag, flag.placeholder == nil {
                if value == nil {
                    flags[flag.name] = ["true"]
                } else {
                    mistakes.append(SettingsProblem(place, "takes no value"))
                }
            } else if let flag {
                if value == nil, rest.first?.hasPrefix("--") == false {
                    value = rest.popFirst()
                }
                if let value {
                    flags[flag.name, default: []].append(value)
                } else {
                    mistakes.append(SettingsProblem(place, "needs a value: --\(flag.name)=\(flag.placeholder ?? "")"))
                }
            } else {
                // It may be a key in the wrong place.
                let shown = Redaction.apply(to: place)
                guard place.hasPrefix("-") else {
                    mistakes.append(SettingsProblem(shown, "unexpected argument"))
                    continue
                }
                let nearest = KeyName.nearest(to: String(place.drop { $0 == "-" }), among: Flag.all.map(\.name))
                let advice = nearest.map { "; did you mean --\($0)?" } ?? ""
                mistakes.append(SettingsProblem(shown, "unknown flag\(advice)"))
                if value == nil, rest.first?.hasPrefix("-") == false {
                    // Probably its value.
                    rest.removeFirst()
                }
            }
        }
    }
}
