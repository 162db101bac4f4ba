import CYAML

/// Reads YAML 1.1 as libyaml does, and refuses what is hardly meant in a configuration file.
///
/// Refused are a second document, keys that occur twice or are not texts, merge keys (`<<`), tags other than YAML's
/// own for texts, numbers, booleans, null, sequences and mappings, and documents that are too large or too deep, or
/// become so by their aliases.
struct YAMLParser: ~Copyable {
    /// Maximum size of a file, in bytes.
    static let maximumSize = 8 << 20
    /// Maximum number of nodes, those that aliases repeat included: twice that of ten thousand accounts with every key.
    static let maximumNodes = 300_000
    /// Maximum nesting of sequences and mappings.
    static let maximumNesting = 100

    private let bytes: UnsafeBufferPointer<UInt8>
    /// libyaml's parser, at an address of its own, since it keeps pointers to itself.
    private let parser = UnsafeMutablePointer<yaml_parser_t>.allocate(capacity: 1)
    /// The file's last line. libyaml counts one more if that line does not end in a line break.
    private let lastLine: Int
    private let diagnostics: Diagnostics
    private var anchors: [String: YAMLNode] = [:]
    private var nodes = 0

    /// Thrown when the rest of the file cannot be read; the reason has been reported.
    private struct Unreadable: Error {}

    /// Parses a file in UTF-8, and reports every mistake up to the first that makes the rest unreadable; messages
    /// quote no values.
    ///
    /// - Returns: the document, null if it is empty; `nil` if it cannot be read to its end.
    static func parse(_ bytes: [UInt8], _ diagnostics: Diagnostics) -> YAMLNode? {
        guard bytes.count <= maximumSize else {
            diagnostics.report(line: 1, "the file is larger than \(maximumSize) bytes")
            return nil
        }
        guard let text = String(validating: bytes, as: UTF8.self) else {
            // No byte of a longer sequence is a line feed: the fault is within a line.
            let lines = bytes.split(separator: UInt8(ascii: "\n"), omittingEmptySubsequences: false)
            let index = lines.firstIndex { String(validating: $0, as: UTF8.self) == nil } ?? 0
            diagnostics.report(line: index + 1, "is not UTF-8: save the file in that encoding")
            return nil
        }
        return bytes.withUnsafeBufferPointer {
            var parser = YAMLParser($0, lines: text.count(where: \.isNewline) + 1, diagnostics)
            return try? parser.document()
        }
    }

    private init(_ bytes: UnsafeBufferPointer<UInt8>, lines: Int, _ diagnostics: Diagnostics) {
        (self.bytes, lastLine, self.diagnostics) = (bytes, lines, diagnostics)
        parser.initialize(to: yaml_parser_t())
        guard yaml_parser_initialize(parser) == 1 else { fatalError("there is no memory for a YAML parser") }
        yaml_parser_set_encoding(parser, YAML_UTF8_ENCODING)
        yaml_parser_set_input_string(parser, bytes.baseAddress, bytes.count)
    }

    deinit {
        yaml_parser_delete(parser)
        parser.deallocate()
    }

    /// A piece of syntax.
    private struct Event {
        var kind: yaml_event_type_t
        var line: Int
        /// The name of the anchor that is set, or that an alias refers to.
        var anchor: String?
        var tag: String?
        /// The text of a scalar.
        var text = ""
        var isPlain = false
    }

    private func next() throws(Unreadable) -> Event {
        var raw = yaml_event_t()
        guard yaml_parser_parse(parser, &raw) == 1 else {
            reportSyntax()
            throw Unreadable()
        }
        defer { yaml_event_delete(&raw) }
        func text(_ pointer: UnsafeMutablePointer<yaml_char_t>?) -> String? {
            pointer.map { String(cString: $0) }
        }
        var event = Event(kind: raw.type, line: line(raw.start_mark))
        switch raw.type {
        case YAML_ALIAS_EVENT: event.anchor = text(raw.data.alias.anchor)
        case YAML_SCALAR_EVENT:
            let scalar = raw.data.scalar
            (event.anchor, event.tag) = (text(scalar.anchor), text(scalar.tag))
            event.text = String(decoding: UnsafeBufferPointer(start: scalar.value, count: scalar.length), as: UTF8.self)
            event.isPlain = scalar.style == YAML_PLAIN_SCALAR_STYLE
        case YAML_SEQUENCE_START_EVENT:
            (event.anchor, event.tag) = (text(raw.data.sequence_start.anchor), text(raw.data.sequence_start.tag))
        case YAML_MAPPING_START_EVENT:
            (event.anchor, event.tag) = (text(raw.data.mapping_start.anchor), text(raw.data.mapping_start.tag))
        default: break
        }
        return event
    }

    /// Returns the line of a place, counted from 1.
    private func line(_ mark: yaml_mark_t) -> Int {
        min(Int(mark.line) + 1, lastLine)
    }

    /// Reports why libyaml stopped. Its words are fixed ones, never a piece of the file.
    private func reportSyntax() {
        let state = parser.pointee
        var text = "is not valid YAML: " + (state.problem.map { String(cString: $0) } ?? "there is not enough memory")
        if state.error == YAML_READER_ERROR {
            // The parser has counted no lines yet.
            let line = bytes.prefix(Int(state.problem_offset)).count { $0 == UInt8(ascii: "\n") } + 1
            diagnostics.report(line: line, text)
            return
        }
        if let context = state.context {
            text += ", \(String(cString: context))"
            if line(state.context_mark) != line(state.problem_mark) {
                text += " that begins in line \(line(state.context_mark))"
            }
        }
        let lines = bytes.split(separator: UInt8(ascii: "\n"), omittingEmptySubsequences: false)
        let indentation = lines.dropFirst(Int(state.problem_mark.line)).first
        if indentation?.first(where: { $0 != UInt8(ascii: " ") }) == UInt8(ascii: "\t") {
            text += "; indent with spaces, not with tabs"
        }
        diagnostics.report(line: line(state.problem_mark), text)
    }

    private mutating func document() throws(Unreadable) -> YAMLNode {
        _ = try next()  // The start of the stream.
        guard try next().kind == YAML_DOCUMENT_START_EVENT else { return .scalar("", isPlain: true, line: 1) }
        let root = try node(next(), depth: 0)
        _ = try next()  // The end of the document.
        let event = try next()
        guard event.kind == YAML_STREAM_END_EVENT else {
            throw fail(event.line, "a second document begins here: a file must hold one only")
        }
        return root
    }

    private mutating func node(_ event: Event, depth: Int) throws(Unreadable) -> YAMLNode {
        if event.kind == YAML_ALIAS_EVENT { return try alias(event, depth: depth) }
        try count(1, height: event.kind == YAML_SCALAR_EVENT ? 0 : 1, at: depth, event.line)
        let node: YAMLNode
        switch event.kind {
        case YAML_SCALAR_EVENT:
            requireTag(event, ["str", "int", "float", "bool", "null"])
            if event.text.utf8.contains(0) {
                diagnostics.report(line: event.line, "a text must not hold the character NUL")
            }
            // "!" and "!!str" say that it is a text, as quotes do.
            let isText = event.tag == "!" || event.tag == "\(Self.tags)str"
            node = .scalar(event.text, isPlain: event.isPlain && !isText, line: event.line)
        case YAML_SEQUENCE_START_EVENT:
            requireTag(event, ["seq"])
            var items: [YAMLNode] = []
            while case let item = try next(), item.kind != YAML_SEQUENCE_END_EVENT {
                items.append(try self.node(item, depth: depth + 1))
            }
            node = .sequence(items, line: event.line)
        default:
            requireTag(event, ["map"])
            node = .mapping(try entries(depth: depth + 1), line: event.line)
        }
        if let anchor = event.anchor { anchors[anchor] = node }
        return node
    }

    private mutating func alias(_ event: Event, depth: Int) throws(Unreadable) -> YAMLNode {
        guard let node = event.anchor.flatMap({ anchors[$0] }) else {
            diagnostics.report(
                line: event.line,
                "an alias refers to nothing above it; if this is a text that begins with *, put it in quotes")
            return .unreadable(line: event.line)
        }
        let size = node.size
        try count(size.nodes, height: size.height, at: depth, event.line)
        return node
    }

    private mutating func entries(depth: Int) throws(Unreadable) -> [YAMLNode.Entry] {
        var entries: [YAMLNode.Entry] = []
        var lines: [String: Int] = [:]
        // Reported, but what they bring is not missing.
        var merged: [YAMLNode.Entry] = []
        while case let event = try next(), event.kind != YAML_MAPPING_END_EVENT {
            let key = try node(event, depth: depth)
            let value = try node(next(), depth: depth)
            switch key {
            case .scalar("<<", isPlain: true, _):
                diagnostics.report(line: event.line, "merge keys (<<) are not supported: write the keys out")
                if case .mapping(let others, _) = value { merged += others }
            case .scalar(let text, _, _):
                if let first = lines[text] {
                    diagnostics.report(
                        line: event.line, "\(KeyName.shown(text)): is given twice, first in line \(first)")
                    continue
                }
                lines[text] = event.line
                entries.append(YAMLNode.Entry(key: text, line: event.line, value: value))
            case .unreadable: break
            default: diagnostics.report(line: event.line, "a key must be a text")
            }
        }
        return entries + merged.filter { lines.updateValue($0.line, forKey: $0.key) == nil }
    }

    private static let tags = "tag:yaml.org,2002:"

    private func requireTag(_ event: Event, _ known: [String]) {
        guard let tag = event.tag, tag != "!", !known.contains(where: { tag == Self.tags + $0 }) else { return }
        diagnostics.report(
            line: event.line, "has a tag that is not known here; if this is a text that begins with !, put it in quotes"
        )
    }

    /// Counts nodes of some height at a depth.
    private mutating func count(_ more: Int, height: Int, at depth: Int, _ line: Int) throws(Unreadable) {
        nodes += more
        guard nodes <= Self.maximumNodes else {
            throw fail(line, "the file holds more than \(Self.maximumNodes) values, those repeated by aliases included")
        }
        guard depth + height <= Self.maximumNesting else {
            throw fail(line, "is nested more than \(Self.maximumNesting) deep")
        }
    }

    private func fail(_ line: Int, _ problem: String) -> Unreadable {
        diagnostics.report(line: line, problem)
        return Unreadable()
    }
}
