import CYAML

/// A part of a YAML document, with the line where it begins, counted from 1.
enum YAMLNode: Sendable, Equatable {
    /// A text; `isPlain` where it is written without quotes and may therefore be a number, a boolean or null.
    case scalar(String, isPlain: Bool, line: Int)
    case sequence([YAMLNode], line: Int)
    /// Keys and values in the order of the file; no key occurs twice.
    case mapping([Entry], line: Int)
    /// What has been reported already, and is neither missing nor of any form.
    case unreadable(line: Int)

    struct Entry: Sendable, Equatable {
        var key: String
        var line: Int
        var value: YAMLNode
    }

    var line: Int {
        switch self {
        case .scalar(_, _, let line), .sequence(_, let line), .mapping(_, let line), .unreadable(let line): line
        }
    }

    /// Whether this is YAML's null, which is also what a key without a value has.
    var isNull: Bool {
        guard case .scalar(let text, isPlain: true, _) = self else {
            return false
        }
        return ["", "~", "null", "Null", "NULL"].contains(text)
    }
}

/// Reads YAML 1.1 as libyaml does, and refuses what is hardly meant in a configuration file.
///
/// Refused are a second document, keys that occur twice or are not texts, merge keys (`<<`), tags other than YAML's own
/// for texts, numbers, booleans, null, sequences and mappings, and documents that are too large or too deep, or become so
/// by their aliases.
struct YAMLDocument {
    /// Largest file, in bytes.
    static let largestFile = 8 << 20
    /// Most nodes of a document, those that aliases repeat included: ten thousand accounts with every key there is have little more than half of it.
    static let mostNodes = 300_000
    /// Deepest nesting of sequences and mappings.
    static let deepestNesting = 100

    /// What the file says, as far as it can be read; nil where there is nothing in it, or only null, or where it is not whole.
    let root: YAMLNode?
    /// Every mistake up to the first that makes the rest unreadable; they quote no values.
    let problems: [YAMLProblem]
    /// Whether the whole file has been read.
    let isWhole: Bool

    /// Reads the bytes of a file in UTF-8.
    init(_ bytes: [UInt8]) {
        var problems: [YAMLProblem] = []
        var root: YAMLNode?
        var isWhole = true
        do throws(YAMLProblem) {
            try Self.requireText(bytes)
            root = try bytes.withUnsafeBufferPointer { (buffer) throws(YAMLProblem) in
                var builder = TreeBuilder(EventSource(buffer))
                defer { problems = builder.problems }
                return try builder.document()
            }
        } catch {
            problems.append(error)
            isWhole = false
        }
        self.root = root.flatMap { $0.isNull ? nil : $0 }
        self.problems = problems
        self.isWhole = isWhole
    }

    private static func requireText(_ bytes: [UInt8]) throws(YAMLProblem) {
        guard bytes.count <= largestFile else {
            throw YAMLProblem(line: 1, "the file is larger than \(largestFile) bytes")
        }
        guard String(validating: bytes, as: UTF8.self) == nil else {
            return
        }
        // No byte of a longer sequence is a line feed: the fault is within a line.
        let lines = bytes.split(separator: UInt8(ascii: "\n"), omittingEmptySubsequences: false)
        let index = lines.firstIndex { String(validating: $0, as: UTF8.self) == nil } ?? 0
        throw YAMLProblem(line: index + 1, "is not UTF-8: save the file in that encoding")
    }
}

/// One mistake, with its line, counted from 1.
struct YAMLProblem: Error, Equatable {
    let line: Int
    let problem: String

    init(line: Int, _ problem: String) {
        self.line = line
        self.problem = problem
    }
}

/// What the parser comes upon.
private struct YAMLEvent {
    enum Kind {
        case document
        case end
        case alias
        case scalar(text: String, isPlain: Bool)
        case sequence
        case mapping
        /// The beginning of the stream, or the end of a document: nothing to look at.
        case other
    }

    var kind: Kind
    var line: Int
    /// The name of the anchor that is set, or that an alias refers to.
    var anchor: String?
    var tag: String?
}

/// libyaml's parser over bytes that outlive it; what it allocates is freed with it.
private struct EventSource: ~Copyable {
    /// At an address of its own, since the parser keeps pointers to itself.
    private let parser: UnsafeMutablePointer<yaml_parser_t>
    private let bytes: UnsafeBufferPointer<UInt8>
    private let isReady: Bool
    /// The file's last line. The parser counts one more where that line does not end in a line break.
    private let lastLine: Int

    init(_ bytes: UnsafeBufferPointer<UInt8>) {
        self.bytes = bytes
        lastLine = Self.countLines(bytes)
        parser = .allocate(capacity: 1)
        parser.initialize(to: yaml_parser_t())
        isReady = yaml_parser_initialize(parser) == 1
        if isReady {
            yaml_parser_set_encoding(parser, YAML_UTF8_ENCODING)
            yaml_parser_set_input_string(parser, bytes.baseAddress, bytes.count)
        }
    }

    deinit {
        if isReady {
            yaml_parser_delete(parser)
        }
        parser.deallocate()
    }

    /// Counts lines by the line breaks of YAML 1.1, of which CR and LF together are one.
    private static func countLines(_ bytes: UnsafeBufferPointer<UInt8>) -> Int {
        var lines = 1
        var previous: Unicode.Scalar = " "
        for scalar in String(decoding: bytes, as: UTF8.self).unicodeScalars {
            switch scalar {
            case "\n" where previous == "\r": break
            case "\n", "\r", "\u{85}", "\u{2028}", "\u{2029}": lines += 1
            default: break
            }
            previous = scalar
        }
        return lines
    }

    /// The line of a place, counted from 1.
    private func line(_ mark: yaml_mark_t) -> Int {
        min(Int(mark.line) + 1, lastLine)
    }

    func next() throws(YAMLProblem) -> YAMLEvent {
        guard isReady else {
            throw YAMLProblem(line: 1, "there is not enough memory to read the file")
        }
        var event = yaml_event_t()
        guard yaml_parser_parse(parser, &event) == 1 else {
            throw failure()
        }
        defer { yaml_event_delete(&event) }
        let line = line(event.start_mark)
        switch event.type {
        case YAML_DOCUMENT_START_EVENT:
            return YAMLEvent(kind: .document, line: line)
        case YAML_ALIAS_EVENT:
            return YAMLEvent(kind: .alias, line: line, anchor: text(event.data.alias.anchor))
        case YAML_SCALAR_EVENT:
            let scalar = event.data.scalar
            return YAMLEvent(
                kind: .scalar(
                    text: String(
                        decoding: UnsafeBufferPointer(start: scalar.value, count: scalar.length), as: UTF8.self),
                    isPlain: scalar.style == YAML_PLAIN_SCALAR_STYLE),
                line: line, anchor: text(scalar.anchor), tag: text(scalar.tag))
        case YAML_SEQUENCE_START_EVENT:
            let start = event.data.sequence_start
            return YAMLEvent(kind: .sequence, line: line, anchor: text(start.anchor), tag: text(start.tag))
        case YAML_MAPPING_START_EVENT:
            let start = event.data.mapping_start
            return YAMLEvent(kind: .mapping, line: line, anchor: text(start.anchor), tag: text(start.tag))
        case YAML_SEQUENCE_END_EVENT, YAML_MAPPING_END_EVENT, YAML_STREAM_END_EVENT:
            return YAMLEvent(kind: .end, line: line)
        default:
            return YAMLEvent(kind: .other, line: line)
        }
    }

    private func text(_ pointer: UnsafeMutablePointer<yaml_char_t>?) -> String? {
        pointer.map { String(cString: $0) }
    }

    /// Why the parser stopped. Its words are fixed ones, never a piece of the file.
    private func failure() -> YAMLProblem {
        let state = parser.pointee
        let problem = state.problem.map { String(cString: $0) } ?? "there is not enough memory to read the file"
        if state.error == YAML_READER_ERROR {
            let line = bytes.prefix(Int(state.problem_offset)).count { $0 == UInt8(ascii: "\n") } + 1
            return YAMLProblem(line: line, "is not valid YAML: \(problem)")
        }
        var text = "is not valid YAML: \(problem)"
        if let context = state.context {
            text += ", \(String(cString: context))"
            if line(state.context_mark) != line(state.problem_mark) {
                text += " that begins in line \(line(state.context_mark))"
            }
        }
        if isTab(at: Int(state.problem_mark.line)) {
            text += "; indent with spaces, not with tabs"
        }
        return YAMLProblem(line: line(state.problem_mark), text)
    }

    /// Whether a line, counted from 0, is indented with a tab.
    private func isTab(at index: Int) -> Bool {
        let lines = bytes.split(separator: UInt8(ascii: "\n"), omittingEmptySubsequences: false)
        return lines.indices.contains(index)
            && lines[index].first { $0 != UInt8(ascii: " ") } == UInt8(ascii: "\t")
    }
}

/// Builds the tree of the one document there may be.
private struct TreeBuilder: ~Copyable {
    private let events: EventSource
    private(set) var problems: [YAMLProblem] = []
    private var anchors: [String: Measured] = [:]
    private var nodes = 0

    /// A node with what it counts for wherever an alias repeats it.
    private struct Measured {
        var node: YAMLNode
        var nodes: Int
        var height: Int
    }

    init(_ events: consuming EventSource) {
        self.events = events
    }

    mutating func document() throws(YAMLProblem) -> YAMLNode? {
        guard try isDocument() else {
            return nil
        }
        let root = try node(events.next(), depth: 0).node
        var event = try events.next()
        while case .other = event.kind {
            event = try events.next()
        }
        if case .document = event.kind {
            throw YAMLProblem(line: event.line, "a second document begins here: a file must hold one only")
        }
        return root
    }

    private func isDocument() throws(YAMLProblem) -> Bool {
        while true {
            switch try events.next().kind {
            case .document: return true
            case .end: return false
            default: continue
            }
        }
    }

    private mutating func node(_ event: YAMLEvent, depth: Int) throws(YAMLProblem) -> Measured {
        if case .alias = event.kind {
            return try alias(event, depth: depth)
        }
        try count(1, line: event.line)
        let before = nodes - 1
        let node: YAMLNode
        var height = 0
        switch event.kind {
        case .scalar(let text, let isPlain):
            requireTag(event, ["str", "int", "float", "bool", "null"])
            if text.utf8.contains(0) {
                report(event.line, "a text must not hold the character NUL")
            }
            // "!" and "!!str" say that it is a text, as quotes do.
            node = .scalar(
                text, isPlain: isPlain && event.tag != "!" && event.tag != "\(Self.tags)str", line: event.line)
        case .sequence:
            requireTag(event, ["seq"])
            try requireDepth(depth + 1, line: event.line)
            (node, height) = try sequence(event, depth: depth + 1)
        default:
            requireTag(event, ["map"])
            try requireDepth(depth + 1, line: event.line)
            (node, height) = try mapping(event, depth: depth + 1)
        }
        let measured = Measured(node: node, nodes: nodes - before, height: height)
        if let anchor = event.anchor {
            anchors[anchor] = measured
        }
        return measured
    }

    private mutating func alias(_ event: YAMLEvent, depth: Int) throws(YAMLProblem) -> Measured {
        guard let name = event.anchor, let found = anchors[name] else {
            report(
                event.line,
                "an alias refers to nothing above it; if this is a text that begins with *, put it in quotes")
            return Measured(node: .unreadable(line: event.line), nodes: 1, height: 0)
        }
        try count(found.nodes, line: event.line)
        try requireDepth(depth + found.height, line: event.line)
        return found
    }

    private mutating func sequence(
        _ start: YAMLEvent, depth: Int
    ) throws(YAMLProblem) -> (YAMLNode, height: Int) {
        var items: [YAMLNode] = []
        var height = 0
        while true {
            let event = try events.next()
            if case .end = event.kind {
                return (.sequence(items, line: start.line), height + 1)
            }
            let item = try node(event, depth: depth)
            height = max(height, item.height)
            items.append(item.node)
        }
    }

    private mutating func mapping(
        _ start: YAMLEvent, depth: Int
    ) throws(YAMLProblem) -> (YAMLNode, height: Int) {
        var entries: [YAMLNode.Entry] = []
        var lines: [String: Int] = [:]
        // Reported, but what they bring is not missing.
        var merged: [YAMLNode.Entry] = []
        var height = 0
        while true {
            let event = try events.next()
            if case .end = event.kind {
                entries += merged.filter { lines.updateValue($0.line, forKey: $0.key) == nil }
                return (.mapping(entries, line: start.line), height + 1)
            }
            let key = try node(event, depth: depth).node
            let value = try node(events.next(), depth: depth)
            height = max(height, value.height)
            guard case .scalar(let text, let isPlain, _) = key else {
                if key != .unreadable(line: event.line) {
                    report(event.line, "a key must be a text")
                }
                continue
            }
            if text == "<<", isPlain {
                report(event.line, "merge keys (<<) are not supported: write the keys out")
                if case .mapping(let others, _) = value.node {
                    merged += others
                }
            } else if let first = lines[text] {
                report(event.line, "\(KeyName.shown(text)): is given twice, first in line \(first)")
            } else {
                lines[text] = event.line
                entries.append(YAMLNode.Entry(key: text, line: event.line, value: value.node))
            }
        }
    }

    private static let tags = "tag:yaml.org,2002:"

    private mutating func requireTag(_ event: YAMLEvent, _ known: [String]) {
        if let tag = event.tag, tag != "!", !known.contains(where: { tag == Self.tags + $0 }) {
            report(
                event.line, "has a tag that is not known here; if this is a text that begins with !, put it in quotes")
        }
    }

    private mutating func count(_ more: Int, line: Int) throws(YAMLProblem) {
        nodes += more
        guard nodes <= YAMLDocument.mostNodes else {
            throw YAMLProblem(
                line: line,
                "the file holds more than \(YAMLDocument.mostNodes) values, those repeated by aliases included")
        }
    }

    private func requireDepth(_ depth: Int, line: Int) throws(YAMLProblem) {
        guard depth <= YAMLDocument.deepestNesting else {
            throw YAMLProblem(line: line, "is nested more than \(YAMLDocument.deepestNesting) deep")
        }
    }

    private mutating func report(_ line: Int, _ problem: String) {
        problems.append(YAMLProblem(line: line, problem))
    }
}
