/// Collects the mistakes and warnings of one configuration file, instead of stopping at the first mistake.
///
/// Every one has the form `FILE:LINE: key.path: what is wrong and what to do`.
final class Diagnostics {
    /// The file's name in messages.
    let file: String
    private var found: [(line: Int, problem: SettingsProblem)] = []
    private var unusual: [(line: Int, problem: SettingsProblem)] = []

    init(file: String) {
        self.file = file
    }

    /// The mistakes so far, in the order of the file.
    var problems: [SettingsProblem] { Self.inOrder(found) }

    /// The warnings so far, about what works but is probably not meant, in the order of the file.
    var warnings: [SettingsProblem] { Self.inOrder(unusual) }

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
        found.enumerated().sorted { ($0.element.line, $0.offset) < ($1.element.line, $1.offset) }
            .map(\.element.problem)
    }
}
