/// A part of a YAML document, with the line where it begins, counted from 1.
enum YAMLNode: Sendable, Equatable {
    /// A text; `isPlain` if it is written without quotes and may therefore be a number, a boolean or null.
    case scalar(String, isPlain: Bool, line: Int)
    case sequence([YAMLNode], line: Int)
    /// Keys and values in the order of the file; no key occurs twice.
    case mapping([Entry], line: Int)
    /// Something that has been reported already, and is neither missing nor of any form.
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

    /// Whether this is YAML's null, which is also the value of a key without one.
    var isNull: Bool {
        if case .scalar(let text, isPlain: true, _) = self {
            ["", "~", "null", "Null", "NULL"].contains(text)
        } else {
            false
        }
    }

    /// The number of nodes in the tree, keys included, and its height: 0 for a scalar.
    var size: (nodes: Int, height: Int) {
        switch self {
        case .scalar, .unreadable: (1, 0)
        case .sequence(let items, _): Self.size(of: items, nodes: 1)
        case .mapping(let entries, _): Self.size(of: entries.map(\.value), nodes: 1 + entries.count)
        }
    }

    private static func size(of children: [YAMLNode], nodes: Int) -> (nodes: Int, height: Int) {
        children.reduce((nodes, 1)) { total, child in
            let size = child.size
            return (total.0 + size.nodes, max(total.1, 1 + size.height))
        }
    }
}
