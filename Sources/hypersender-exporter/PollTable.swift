import HypersenderAPI
import Monitoring

/// The outcome of each account's last poll, for people.
enum PollTable {
    /// Returns a line for each account: its name, `ok` or the reason of the failure, its instances, and what is wrong.
    static func text(_ accounts: [AccountState]) -> String {
        var rows = [["account", "result", "instances", "error"]]
        for account in accounts {
            let (name, error) = (account.options.name ?? "-", account.lastError)
            let instances = error == nil ? "\(account.counts.total)" : "-"
            rows.append([name, error?.reason.rawValue ?? "ok", instances, error?.detail ?? ""])
            if let hint = error?.reason.hint { rows.append(["", "", "", hint]) }
        }
        let widths = (0..<3).map { column in rows.map(\.[column].count).max() ?? 0 } + [0]
        return rows.map { row in
            let cells = zip(row, widths).map { $0 + String(repeating: " ", count: max(0, $1 - $0.count)) }
            let end = cells.joined(separator: "  ")
            return "\(end.prefix(through: end.lastIndex { $0 != " " } ?? end.startIndex))\n"
        }.joined()
    }
}
