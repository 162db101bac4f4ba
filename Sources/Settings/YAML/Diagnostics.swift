/// Collects the mistakes and warnings of the flags, or of one file, instead of stopping at the first mistake.
final class Diagnostics {
    private typealias Finding = (line: Int, problem: SettingsProblem)

    /// The file's name in messages.
    let file: String
    private var mistakes: [Finding] = []
    private var unusual: [Finding] = []

    init(file: String = "") {
        self.file = file
    }

    /// The mistakes so far, in the order of the file, those without a line first.
    var problems: [SettingsProblem] { Self.inOrder(mistakes) }

    /// The warnings so far, about what works but is probably not meant, in the same order.
    var warnings: [SettingsProblem] { Self.inOrder(unusual) }

    func throwProblems() throws(SettingsProblems) {
        guard mistakes.isEmpty else { throw SettingsProblems(problems) }
    }

    /// Reports a mistake in a flag, a variable or a whole file, once.
    func report(_ place: String, _ problem: String) {
        let new = SettingsProblem(place, problem)
        guard !mistakes.contains(where: { $0.line == 0 && $0.problem == new }) else { return }
        mistakes.append((0, new))
    }

    func warn(_ place: String, _ warning: String) {
        unusual.append((0, SettingsProblem(place, warning)))
    }

    /// Reports a mistake in the form `FILE:LINE: key.path: what is wrong and what to do`.
    ///
    /// - Parameter key: the path of the key at fault, such as `accounts[1].filter.status`; empty for the whole file.
    func report(line: Int, key: String = "", _ problem: String) {
        mistakes.append((line, SettingsProblem("\(file):\(line)", key.isEmpty ? problem : "\(key): \(problem)")))
    }

    func warn(line: Int, key: String, _ warning: String) {
        unusual.append((line, SettingsProblem("\(file):\(line)", "\(key): \(warning)")))
    }

    private static func inOrder(_ found: [Finding]) -> [SettingsProblem] {
        // The index keeps the order of several findings in one line.
        found.enumerated().sorted { ($0.element.line, $0.offset) < ($1.element.line, $1.offset) }.map(\.element.problem)
    }
}
