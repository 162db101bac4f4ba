import HTTPServer
import HypersenderAPI

/// What the reader of the status page asks to see, from the page's own query.
struct StatusQuery: Equatable {
    /// The instances' statuses that are shown.
    enum Choice: Equatable {
        case all
        /// All that a person should look at, whatever the status.
        case attention
        case only(InstanceStatus)
        /// What was asked for does not exist.
        case nothing
    }

    /// What name or id must contain; empty is anything.
    var text = ""
    var status = Choice.all
    /// The account's name; nil is any.
    var account: String?
    /// Whether the page is to stay as it is, for those whom it would interrupt.
    var isPaused = false

    /// As long as a name or an id is at the most.
    static let longestText = 256

    init() {}

    /// Reads the query, which anybody can write: what is too long is cut, what is not understood is left out.
    init(_ request: Request) {
        var seen: Set<String> = []
        for (name, value) in request.queryItems() where seen.insert(name).inserted {
            let value = Self.trimmed(value)
            switch name {
            case "q": text = value
            case "status": status = Choice(value)
            case "account": account = value.isEmpty ? nil : value
            case "refresh": isPaused = value == "off"
            default: break
            }
        }
    }

    /// Whether anything is left out.
    var filters: Bool {
        !text.isEmpty || status != .all || account != nil
    }

    private static func trimmed(_ text: String) -> String {
        let inner = text.unicodeScalars.drop(while: \.properties.isWhitespace).prefix(longestText)
        let end = inner.lastIndex { !$0.properties.isWhitespace }
        return end.map { String(inner[...$0]) } ?? ""
    }
}

extension StatusQuery.Choice {
    /// What stands for all that needs attention.
    static let attentionName = "attention"

    /// Reads what `name` writes, in any case.
    init(_ text: String) {
        let name = text.uppercased()
        if name.isEmpty {
            self = .all
        } else if name == Self.attentionName.uppercased() {
            self = .attention
        } else {
            self = InstanceStatus(rawValue: name).map(Self.only) ?? .nothing
        }
    }
}

/// Finds a text in others, in any case, in time that grows with their length alone, whatever they are.
///
/// By Knuth, Morris and Pratt. Letters are compared as the Unicode standard lowers them; nothing is normalised.
struct TextSearch {
    private let wanted: [UInt8]
    /// How much of `wanted` is found still where its next byte does not match, by the number of bytes that do.
    private let fallbacks: [Int]

    init(_ text: String) {
        let wanted = Array(text.lowercased().utf8)
        var fallbacks = [0, 0]
        var found = 0
        for place in wanted.indices.dropFirst() {
            while found > 0, wanted[place] != wanted[found] {
                found = fallbacks[found]
            }
            found += wanted[place] == wanted[found] ? 1 : 0
            fallbacks.append(found)
        }
        self.wanted = wanted
        self.fallbacks = fallbacks
    }

    /// Whether the text is part of `other`.
    func matches(_ other: String) -> Bool {
        if wanted.isEmpty {
            return true
        }
        // Most names and ids are ASCII, and need no copy.
        let answer = other.utf8.withContiguousStorageIfAvailable { bytes in
            bytes.allSatisfy { $0 < 0x80 } ? find(bytes.lazy.map { (0x41...0x5A).contains($0) ? $0 | 0x20 : $0 }) : nil
        }
        return (answer ?? nil) ?? find(Array(other.lowercased().utf8))
    }

    private func find(_ bytes: some Sequence<UInt8>) -> Bool {
        var found = 0
        for byte in bytes {
            while found > 0, byte != wanted[found] {
                found = fallbacks[found]
            }
            found += byte == wanted[found] ? 1 : 0
            if found == wanted.count {
                return true
            }
        }
        return false
    }
}
