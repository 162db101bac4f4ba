/// Collects the mistakes and warnings of the flags, or of one file, instead of stopping at the first mistake.
final class Diagnostics {
    /// The file's name in messages.
    private let file: String
    private var found: [(line: Int, problem: SettingsProblem)] = []
    private var unusual: [(line: Int, problem: SettingsProblem)] = []

    init(file: String = "") {
        self.file = file
    }

    /// The mistakes so far, in the order of the file, those without a line first.
    var problems: [SettingsProblem] { Self.inOrder(found) }

    /// The warnings so far, about what works but is probably not meant, in the same order.
    var warnings: [SettingsProblem] { Self.inOrder(unusual) }

    func throwProblems() throws(SettingsProblems) {
        guard found.isEmpty else { throw SettingsProblems(problems: problems) }
    }

    /// Reports a mistake in a flag, a variable or a whole file.
    func report(_ place: String, _ problem: String) {
        found.append((0, SettingsProblem(place, problem)))
    }

    func warn(_ place: String, _ warning: String) {
        unusual.append((0, SettingsProblem(place, warning)))
    }

    /// Reports a mistake in the form `FILE:LINE: key.path: what is wrong and what to do`.
    ///
    /// - Parameter key: the path of the key at fault, such as `accounts[1].filter.status`; empty for the whole file.
    func report(line: Int, key: String = "", _ problem: String) {
        found.append((line, place(line, key, problem)))
    }

    func warn(line: Int, key: String, _ warning: String) {
        unusual.append((line, place(line, key, warning)))
    }

    private func place(_ line: Int, _ key: String, _ text: String) -> SettingsProblem {
        SettingsProblem("\(file):\(line)", key.isEmpty ? text : "\(key): \(text)")
    }

    private static func inOrder(_ found: [(line: Int, problem: SettingsProblem)]) -> [SettingsProblem] {
        // The index keeps the order of several mistakes in one line.
        found.enumerated().sorted { ($0.element.line, $0.offset) < ($1.element.line, $1.offset) }.map(\.element.problem)
    }
}
