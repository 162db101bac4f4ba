import Basics

/// Takes the keys of a YAML mapping one by one and reports every mistake; `end` reports the keys that were not taken.
///
/// A key whose value is null counts as not given.
final class MappingDecoder {
    /// The path of the mapping; empty for the whole file.
    let path: String
    /// The line where the mapping begins.
    let line: Int
    /// All keys, in the order of the file.
    let keys: [String]
    private let entries: [String: YAMLNode.Entry]
    private let diagnostics: Diagnostics
    private var known: Set<String> = []

    /// A value, and its path within the file.
    private typealias Item = (node: YAMLNode, path: String)

    /// Reads a file's bytes, which must hold a mapping or nothing; `nil`, with a problem, if they do not.
    convenience init?(file bytes: [UInt8], _ diagnostics: Diagnostics) {
        guard let root = YAMLParser.parse(bytes, diagnostics) else { return nil }
        self.init((root.isNull ? .mapping([], line: 1) : root, path: ""), diagnostics)
    }

    private init?(_ item: Item, _ diagnostics: Diagnostics) {
        guard case .mapping(let entries, let line) = item.node else {
            if case .unreadable = item.node { return nil }
            diagnostics.report(line: item.node.line, key: item.path, "must be a mapping: lines of the form key: value")
            return nil
        }
        (path, self.line, self.diagnostics) = (item.path, line, diagnostics)
        keys = entries.map(\.key)
        self.entries = Dictionary(entries.map { ($0.key, $0) }) { first, _ in first }
    }

    /// Returns the path of a key within the file.
    func path(of key: String) -> String {
        path.isEmpty ? KeyName.shown(key) : "\(path).\(KeyName.shown(key))"
    }

    /// Returns a path that the file names, which is relative to the file's folder.
    func resolve(_ path: String) -> String {
        guard !path.hasPrefix("/"), let slash = diagnostics.file.lastIndex(of: "/") else { return path }
        return diagnostics.file[...slash] + path
    }

    /// Returns the line of a key; if it is missing, that of the mapping.
    func line(of key: String) -> Int {
        entries[key]?.line ?? line
    }

    /// Whether a key has a value other than null.
    func isGiven(_ key: String) -> Bool {
        entries[key].map { !$0.value.isNull } ?? false
    }

    /// Whether a key has no value, or only an empty text.
    func isBlank(_ key: String) -> Bool {
        if case .scalar("", _, _)? = entries[key]?.value { return true }
        return !isGiven(key)
    }

    /// Whether a key's value is a sequence without items.
    func isEmptyList(_ key: String) -> Bool {
        if case .sequence(let items, _)? = entries[key]?.value { items.isEmpty } else { false }
    }

    /// Warns of a key that works but is probably not meant.
    func warn(_ key: String, _ warning: String) {
        diagnostics.warn(line: line(of: key), key: path(of: key), warning)
    }

    /// Reports a mistake in a key.
    func report(_ key: String, _ problem: String) {
        diagnostics.report(line: line(of: key), key: path(of: key), problem)
    }

    /// Reports a key that is not given, with what to do about it.
    @discardableResult
    func require(_ key: String, _ advice: String) -> Bool {
        if !isGiven(key) { report(key, "is missing: \(advice)") }
        return isGiven(key)
    }

    /// Reads a scalar with `parse`; `quote` puts it into messages, `nil` if it is a secret.
    func value<Value>(
        _ key: String, quote: ((String) -> String)? = Redaction.quote, _ parse: (String) throws(Problem) -> Value
    ) -> Value? {
        scalar(take(key), quote) { (text, _) throws(Problem) in try parse(text) }
    }

    /// Reads a value of a kind that flags have too.
    func value<Value>(_ key: String, _ parser: ValueParser<Value>) -> Value? {
        value(key, parser.parse)
    }

    /// Reads a text, or any other scalar as one; it must not be blank.
    func text(_ key: String) -> String? {
        value(key, quote: nil, ValueParser.text().parse)
    }

    /// Reads a boolean of YAML 1.1: `true`, `yes`, `on` or `false`, `no`, `off`, without quotes.
    func flag(_ key: String) -> Bool? {
        scalar(take(key), Redaction.quote) { (text, isPlain) throws(Problem) in
            // Also True and TRUE, but nothing in between.
            let isUsual = text == text.uppercased() || text.dropFirst() == text.dropFirst().lowercased()
            guard isPlain, isUsual, let value = ValueParser.booleans[text.lowercased()] else {
                throw Problem("must be true or false, without quotes")
            }
            return value
        }
    }

    /// Reads a whole number, decimal and without quotes, within limits.
    func integer(_ key: String, _ range: ClosedRange<Int>) -> Int? {
        scalar(take(key), Redaction.quote) { (text, isPlain) throws(Problem) in
            // Go reads 010 as eight, others as ten.
            guard isPlain, text == "0" || !text.hasPrefix("0") else {
                throw Problem(
                    "is not a whole number: it must be \(range.lowerBound) to \(range.upperBound), in digits without"
                        + " quotes")
            }
            return try ValueParser.integer(range).parse(text)
        }
    }

    /// Reads a sequence of texts, none of them blank.
    func texts(_ key: String) -> [String]? {
        list(key, quote: nil, ValueParser.text().parse)
    }

    /// Reads a sequence of scalars with `parse`, as `value` does; items at fault are left out.
    func list<Value>(
        _ key: String, quote: ((String) -> String)? = Redaction.quote, _ parse: (String) throws(Problem) -> Value
    ) -> [Value]? {
        items(key)?.compactMap { item in
            scalar(item, quote) { (text, _) throws(Problem) in try parse(text) }
        }
    }

    /// Reads a mapping within this one.
    func mapping(_ key: String) -> MappingDecoder? {
        take(key).flatMap { MappingDecoder($0, diagnostics) }
    }

    /// Reads a sequence of mappings; items at fault are left out.
    func mappings(_ key: String) -> [MappingDecoder] {
        (items(key) ?? []).compactMap { MappingDecoder($0, diagnostics) }
    }

    /// Reports every key that was not taken, with the nearest one that was.
    func end() {
        let known = known.sorted()
        for key in keys where !self.known.contains(key) {
            report(key, "unknown key\(KeyName.advice(key, known, otherwise: "known here:"))")
        }
    }

    /// Takes the value of a key, whatever its kind; `nil` if it is null.
    private func take(_ key: String) -> Item? {
        known.insert(key)
        guard isGiven(key), let entry = entries[key] else { return nil }
        return (entry.value, path(of: key))
    }

    private func items(_ key: String) -> [Item]? {
        guard let (node, path) = take(key) else { return nil }
        switch node {
        case .unreadable: return nil
        case .sequence(let items, _): return items.enumerated().map { ($1, "\(path)[\($0)]") }
        default:
            diagnostics.report(
                line: node.line, key: path, "must be a list: lines that begin with a dash, or [a, b]")
            return nil
        }
    }

    private func scalar<Value>(
        _ item: Item?, _ quote: ((String) -> String)?,
        _ parse: (_ text: String, _ isPlain: Bool) throws(Problem) -> Value
    ) -> Value? {
        guard let (node, path) = item else { return nil }
        switch node {
        case .unreadable: break
        case .scalar(let text, let isPlain, let line):
            do throws(Problem) {
                return try parse(text, isPlain)
            } catch {
                let quoted = quote.map { "\($0(Redaction.apply(to: text))) " } ?? ""
                diagnostics.report(line: line, key: path, quoted + error.description)
            }
        default: diagnostics.report(line: node.line, key: path, "must be a single value, not a list or a mapping")
        }
        return nil
    }
}
