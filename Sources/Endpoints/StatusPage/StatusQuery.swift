import Basics
import HTTPServer
import HypersenderAPI
import Monitoring

/// The query of the status page: the filters of its list, and whether it is paused.
struct StatusQuery: Equatable {
    /// The value of `status` for instances that a person should look at, whatever their status.
    static let attention = "ATTENTION"

    /// The text that a name or an id must contain; empty for any.
    var text = ""
    /// The status that instances must have, or `attention`, in capitals; empty for any.
    var status = ""
    /// The account's name, or a part of it; empty for any.
    var account = ""
    /// Whether the page does not load itself again.
    var isPaused = false

    /// The maximum length of a name or an id.
    private static let maximumTextLength = 256

    init() {}

    /// Reads a query that anybody may have written: long values are cut, the rest is ignored.
    init(_ request: Request) {
        var seen: Set<String> = []
        for (name, value) in request.queryItems() where seen.insert(name).inserted {
            let value = Self.trimmed(value)
            switch name {
            case "q": text = value
            case "status": status = value.uppercased()
            case "account": account = value
            case "refresh": isPaused = value == "off"
            default: break
            }
        }
    }

    /// Whether anything is left out.
    var filters: Bool {
        !text.isEmpty || !status.isEmpty || !account.isEmpty
    }

    func includes(_ status: InstanceStatus, needsAttention: Bool) -> Bool {
        self.status.isEmpty || self.status == status.rawValue || needsAttention && self.status == Self.attention
    }

    /// Returns the accounts that are asked for: the one of that name, or else those whose name contains it.
    func accounts(of all: [AccountState]) -> [AccountState] {
        guard !account.isEmpty else { return all }
        let search = TextSearch(account)
        let named = all.filter { $0.options.name == account }
        return named.isEmpty ? all.filter { search.matches($0.options.name ?? "") } : named
    }

    private static func trimmed(_ text: String) -> String {
        let start = text.unicodeScalars.drop(while: \.properties.isWhitespace)
        return String(start.prefix(maximumTextLength).trimming(while: \.properties.isWhitespace))
    }
}
