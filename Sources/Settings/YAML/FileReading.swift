import Basics
import HypersenderAPI

/// Reads a YAML file value by value, gathering every mistake on the way instead of stopping at the first.
///
/// Every problem has the form `FILE:LINE: key.path: what is wrong and what to do`.
struct FileReading {
    /// How the file is named in problems.
    let file: String
    private var found: [(line: Int, problem: SettingsProblem)] = []
    private var unusual: [(line: Int, problem: SettingsProblem)] = []

    init(file: String) {
        self.file = file
    }

    /// The mistakes so far, in the order of the file.
    var problems: [SettingsProblem] { Self.inOrder(found) }

    /// What works but is probably not meant, in the order of the file.
    var warnings: [SettingsProblem] { Self.inOrder(unusual) }

    private static func inOrder(_ found: [(line: Int, problem: SettingsProblem)]) -> [SettingsProblem] {
        // With the index, the order of several mistakes in a line stays.
        found.enumerated().sorted { ($0.element.line, $0.offset) < ($1.element.line, $1.offset) }
            .map(\.element.problem)
    }

    /// - Parameter key: the path of the key at fault, such as `accounts[1].filter.status`; nil or empty for the whole file.
    mutating func report(line: Int, key: String?, _ problem: String) {
        found.append((line, place(line, key, problem)))
    }

    /// Takes note of what works but is probably not meant, in the same form.
    mutating func warn(line: Int, key: String, _ warning: String) {
        unusual.append((line, place(line, key, warning)))
    }

    private func place(_ line: Int, _ key: String?, _ text: String) -> SettingsProblem {
        SettingsProblem("\(file):\(line)", key.map { $0.isEmpty ? text : "\($0): \(text)" } ?? text)
    }

    /// Reads the file's bytes, which must hold keys with values or nothing; nil where they cannot be read.
    mutating func document(_ bytes: [UInt8]) -> MappingReading? {
        let document = YAMLDocument(bytes)
        for problem in document.problems {
            report(line: problem.line, key: nil, problem.problem)
        }
        if let root = document.root {
            return mapping(SequenceItem(node: root, path: ""))
        }
        // What is in it may be beyond reading, and then nothing else is to be said.
        return document.isWhole ? MappingReading([], path: "", line: 1) : nil
    }

    /// The keys of an item of a sequence; nil, with a problem, where it is no mapping.
    mutating func mapping(_ item: SequenceItem) -> MappingReading? {
        guard item.node != .unreadable(line: item.node.line) else {
            return nil
        }
        guard case .mapping(let entries, let line) = item.node else {
            report(line: item.node.line, key: item.path, "must be a mapping: lines of the form key: value")
            return nil
        }
        return MappingReading(entries, path: item.path, line: line)
    }
}

/// An item of a sequence, with its path, such as `accounts[1]`.
struct SequenceItem {
    let node: YAMLNode
    let path: String
}

/// Takes the keys of a mapping one by one; `end` reports those that nobody asked for.
///
/// A key whose value is null counts as not given.
struct MappingReading {
    /// The path of the mapping; empty for the whole file.
    let path: String
    /// Where the mapping begins.
    let line: Int
    /// All keys, in the order of the file.
    let keys: [String]
    private let entries: [String: YAMLNode.Entry]
    private var known: [String] = []

    init(_ entries: [YAMLNode.Entry], path: String, line: Int) {
        self.path = path
        self.line = line
        keys = entries.map(\.key)
        self.entries = Dictionary(entries.map { ($0.key, $0) }) { first, _ in first }
    }

    /// The path of a key within the file.
    func path(of key: String) -> String {
        path.isEmpty ? KeyName.shown(key) : "\(path).\(KeyName.shown(key))"
    }

    /// Where a key stands; where it does not, where the mapping begins.
    func line(of key: String) -> Int {
        entries[key]?.line ?? line
    }

    /// Whether a key has a value other than null.
    func isGiven(_ key: String) -> Bool {
        entries[key].map { !$0.value.isNull } ?? false
    }

    /// Whether a key has no value, or only an empty text.
    func isBlank(_ key: String) -> Bool {
        guard isGiven(key), case .scalar(let text, _, _)? = entries[key]?.value else {
            return !isGiven(key)
        }
        return text.isEmpty
    }

    /// Whether a key's value is a sequence without items.
    func isEmptyList(_ key: String) -> Bool {
        guard case .sequence(let items, _)? = entries[key]?.value else {
            return false
        }
        return items.isEmpty
    }

    /// Takes note of what works in a key but is probably not meant.
    func warn(_ key: String, _ warning: String, _ file: inout FileReading) {
        file.warn(line: line(of: key), key: path(of: key), warning)
    }

    /// Reports a mistake in a key.
    func report(_ key: String, _ problem: String, _ file: inout FileReading) {
        file.report(line: line(of: key), key: path(of: key), problem)
    }

    /// The value of a key, whatever its kind.
    mutating func node(_ key: String) -> YAMLNode? {
        if !known.contains(key) {
            known.append(key)
        }
        return entries[key].flatMap { $0.value.isNull ? nil : $0.value }
    }

    /// Reports a key that is not given, with what to do about it.
    @discardableResult
    func require(_ key: String, _ advice: String, _ file: inout FileReading) -> Bool {
        if !isGiven(key) {
            report(key, "is missing: \(advice)", &file)
        }
        return isGiven(key)
    }

    /// Reads a scalar with `parse`, which throws what is wrong with a text, as the end of a sentence that quotes it.
    ///
    /// - Parameter isSecret: whether the value is never quoted.
    mutating func value<Value>(
        _ key: String, isSecret: Bool = false, _ file: inout FileReading,
        _ parse: (_ text: String, _ isPlain: Bool) throws(ValueProblem) -> Value
    ) -> Value? {
        guard let node = node(key) else {
            return nil
        }
        return Self.value(node, path: path(of: key), isSecret: isSecret, &file, parse)
    }

    /// Reads a text, or any other scalar as one; it must not be blank.
    mutating func text(_ key: String, _ file: inout FileReading) -> String? {
        // A blank text needs no quoting.
        value(key, isSecret: true, &file) { (text, _) throws(ValueProblem) in
            try Self.requireText(text)
        }
    }

    /// Reads a boolean: `true`, `yes`, `on` or `false`, `no`, `off`, without quotes.
    mutating func flag(_ key: String, _ file: inout FileReading) -> Bool? {
        value(key, &file) { (text, isPlain) throws(ValueProblem) in
            if isPlain, Self.spellings(["true", "yes", "on"]).contains(text) {
                return true
            }
            if isPlain, Self.spellings(["false", "no", "off"]).contains(text) {
                return false
            }
            throw ValueProblem("must be true or false, without quotes")
        }
    }

    /// Reads a duration as Prometheus writes it, within limits.
    mutating func duration(
        _ key: String, _ range: ClosedRange<Duration>, _ limits: String, _ file: inout FileReading
    ) -> Duration? {
        value(key, &file) { (text, _) throws(ValueProblem) in
            guard let duration = PrometheusDuration.parse(text) else {
                throw ValueProblem("is not a duration: write it like 30s, 1m30s or 500ms")
            }
            guard range.contains(duration) else {
                throw ValueProblem("is out of range: it must be \(limits)")
            }
            return duration
        }
    }

    /// Reads a whole number, decimal and without quotes, within limits.
    mutating func integer(
        _ key: String, _ range: ClosedRange<Int>, _ limits: String, _ file: inout FileReading
    ) -> Int? {
        value(key, &file) { (text, isPlain) throws(ValueProblem) in
            // Go reads 010 as eight, others as ten.
            guard isPlain, let number = Int(text), String(number) == text else {
                throw ValueProblem("is not a whole number: it must be \(limits), in digits without quotes")
            }
            guard range.contains(number) else {
                throw ValueProblem("is out of range: it must be \(limits)")
            }
            return number
        }
    }

    /// Reads one of the raw values of an enumeration.
    mutating func choice<Value: RawRepresentable & CaseIterable>(
        _ key: String, of type: Value.Type = Value.self, _ file: inout FileReading
    ) -> Value? where Value.RawValue == String {
        value(key, &file) { (text, _) throws(ValueProblem) in
            guard let value = Value(rawValue: text) else {
                throw ValueProblem("is not one of \(Value.allCases.map(\.rawValue).joined(separator: ", "))")
            }
            return value
        }
    }

    /// Reads a sequence of texts, none of them blank.
    mutating func texts(_ key: String, _ file: inout FileReading) -> [String]? {
        list(key, isSecret: true, &file) { (text) throws(ValueProblem) in
            try Self.requireText(text)
        }
    }

    /// Reads a sequence of scalars with `parse`, as `value` does; items at fault are left out.
    mutating func list<Value>(
        _ key: String, isSecret: Bool = false, _ file: inout FileReading,
        _ parse: (String) throws(ValueProblem) -> Value
    ) -> [Value]? {
        sequence(key, &file)?.compactMap { item in
            Self.value(item.node, path: item.path, isSecret: isSecret, &file) { (text, _) throws(ValueProblem) in
                try parse(text)
            }
        }
    }

    /// Reads a mapping within this one.
    mutating func mapping(_ key: String, _ file: inout FileReading) -> MappingReading? {
        node(key).flatMap { file.mapping(SequenceItem(node: $0, path: path(of: key))) }
    }

    /// Reads a sequence.
    mutating func sequence(_ key: String, _ file: inout FileReading) -> [SequenceItem]? {
        guard let node = node(key), node != .unreadable(line: node.line) else {
            return nil
        }
        guard case .sequence(let items, _) = node else {
            file.report(line: node.line, key: path(of: key), "must be a list: lines that begin with a dash, or [a, b]")
            return nil
        }
        return items.enumerated().map { SequenceItem(node: $0.element, path: "\(path(of: key))[\($0.offset)]") }
    }

    /// Reports every key that was not asked for, with the nearest one that was.
    func end(_ file: inout FileReading) {
        for key in keys where !known.contains(key) {
            let advice =
                KeyName.nearest(to: key, among: known).map { "did you mean \($0)?" }
                ?? "known here: \(known.sorted().joined(separator: ", "))"
            report(key, "unknown key; \(advice)", &file)
        }
    }

    private static func value<Value>(
        _ node: YAMLNode, path: String, isSecret: Bool, _ file: inout FileReading,
        _ parse: (_ text: String, _ isPlain: Bool) throws(ValueProblem) -> Value
    ) -> Value? {
        guard node != .unreadable(line: node.line) else {
            return nil
        }
        guard case .scalar(let text, let isPlain, let line) = node else {
            file.report(line: node.line, key: path, "must be a single value, not a list or a mapping")
            return nil
        }
        do throws(ValueProblem) {
            return try parse(text, isPlain)
        } catch {
            let quoted = isSecret ? "" : "\(Redaction.quote(Redaction.apply(to: text))) "
            file.report(line: line, key: path, quoted + error.problem)
            return nil
        }
    }

    private static func requireText(_ text: String) throws(ValueProblem) -> String {
        guard !text.allSatisfy(\.isWhitespace) else {
            throw ValueProblem("is blank: leave it out, or give it a value")
        }
        return text
    }

    /// YAML 1.1 allows `true`, `True` and `TRUE`, and nothing in between.
    private static func spellings(_ words: [String]) -> [String] {
        words.flatMap { [$0, $0.prefix(1).uppercased() + $0.dropFirst(), $0.uppercased()] }
    }
}

/// How keys are shown, and which of them look alike.
enum KeyName {
    /// A key as it is printed in a path; in quotes unless it is a plain name, and without what looks like a credential.
    static func shown(_ key: String) -> String {
        let printed = Redaction.apply(to: key)
        let isName =
            !key.isEmpty
            && key.utf8.allSatisfy { byte in
                switch byte {
                case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
                    UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "_"), UInt8(ascii: "-"):
                    true
                default: false
                }
            }
        return isName && printed == key ? key : "\"\(printed)\""
    }

    /// The one of the known keys that was probably meant; nil where none is close.
    static func nearest(to key: String, among known: [String]) -> String? {
        let wanted = simplified(key)
        guard wanted.count <= 64 else {
            return nil
        }
        var farthest = min(2, (wanted.count - 1) / 2)
        var nearest: String?
        for name in known {
            let letters = simplified(name)
            // Words are no closer than their lengths are.
            guard abs(letters.count - wanted.count) <= farthest else {
                continue
            }
            let distance = distance(wanted, letters)
            if distance < farthest || distance == farthest && nearest == nil {
                (nearest, farthest) = (name, distance)
            }
        }
        return nearest
    }

    /// `tokenFile`, `token-file` and `token_file` are the same word.
    private static func simplified(_ key: String) -> [UInt8] {
        key.lowercased().utf8.filter { $0 != UInt8(ascii: "_") && $0 != UInt8(ascii: "-") && $0 != UInt8(ascii: " ") }
    }

    /// How many letters must be added, left out, exchanged or swapped to turn one word into the other.
    private static func distance(_ first: [UInt8], _ second: [UInt8]) -> Int {
        var beforeLast: [Int] = []
        var last = Array(0...second.count)
        for i in first.indices {
            var row = [i + 1]
            for j in second.indices {
                var best = min(last[j + 1] + 1, row[j] + 1, last[j] + (first[i] == second[j] ? 0 : 1))
                if i > 0, j > 0, first[i] == second[j - 1], first[i - 1] == second[j] {
                    best = min(best, beforeLast[j - 1] + 1)
                }
                row.append(best)
            }
            beforeLast = last
            last = row
        }
        return last[second.count]
    }
}
