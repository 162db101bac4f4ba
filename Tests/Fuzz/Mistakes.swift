/// Checks the mistakes found in a file: at least one, each with its line, on one line, without a secret.
///
/// - Parameter secrets: texts that no message may hold.
func check(_ problems: [SettingsProblem], in bytes: [UInt8], file: String, secrets: [String]) {
    require(!problems.isEmpty, "refused without a reason")
    // A line ends as YAML 1.1 has it: also with CR, NEL, LS and PS, whose last bytes are these.
    let lines = 1 + bytes.count { [0x0A, 0x0D, 0x85, 0xA8, 0xA9].contains($0) }
    var last = 1
    for problem in problems {
        require(problem.place.hasPrefix("\(file):"), "no place: \(problem)")
        let line = Int(problem.place.dropFirst(file.count + 1)) ?? 0
        require((1...lines).contains(line), "no such line: \(problem)")
        require(line >= last, "not in the order of the file: \(problem)")
        last = line
        require(!problem.problem.isEmpty, "says nothing")
        require(
            problem.problem.unicodeScalars.allSatisfy { !isBreak($0) },
            "breaks the line: \(problem.problem.debugDescription)")
        for secret in secrets {
            require(!problem.problem.contains(secret), "shows a secret: \(problem)")
        }
    }
}

/// Whether a terminal or a log takes it for something else than a character of a line.
private func isBreak(_ scalar: Unicode.Scalar) -> Bool {
    switch scalar.properties.generalCategory {
    case .control, .lineSeparator, .paragraphSeparator: true
    default: false
    }
}

/// Unlike `precondition`, says in an optimised program too what does not hold.
private func require(_ holds: Bool, _ otherwise: @autoclosure () -> String) {
    guard holds else {
        fatalError(otherwise())
    }
}
