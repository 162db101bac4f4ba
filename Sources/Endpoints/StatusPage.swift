import HypersenderAPI
import Monitoring

/// The page for a person: counts by status, what is in trouble, and how the polls go.
struct StatusPage {
    /// The page, complete.
    let html: String

    /// Nothing from elsewhere, no scripts, and only the styles of the page itself.
    static let contentSecurityPolicy =
        "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"

    /// How many instances are listed; more are counted only.
    static let mostInstances = 500

    private struct Row {
        var account: String?
        var tracked: TrackedInstance
    }

    init(_ snapshot: Snapshot, exporter: ExporterState, now: Moment, metricsPath: String) {
        var page = HTML()
        page.markup(Self.head)
        let fresh = snapshot.accounts.filter { $0.isFresh(at: now.uptime) }
        Self.writeCounts(fresh, to: &page)
        for account in snapshot.accounts {
            Self.write(account, now: now, to: &page)
        }
        let rows = fresh.flatMap { account in account.instances.map { Row(account: account.name, tracked: $0) } }
        Self.writeInstances(rows, hasAccounts: snapshot.accounts.contains { $0.name != nil }, now: now, to: &page)
        page.markup("<footer><p><a href=\"")
        page.text(metricsPath)
        page.markup("\">Metrics</a> · <a href=\"/-/healthy\">Health</a> · <a href=\"/-/ready\">Readiness</a></p><p>")
        page.text("hypersender-exporter \(exporter.version) (\(exporter.revision.prefix(12)))")
        page.markup("</p></footer></main></body></html>\n")
        html = page.text
    }

    private static func writeCounts(_ accounts: [AccountState], to page: inout HTML) {
        page.markup("<section><h2>Instances by status</h2>")
        if accounts.isEmpty {
            page.markup("<p>No data: no poll has succeeded recently enough.</p></section>")
            return
        }
        page.markup("<dl class=\"counts\">")
        for status in InstanceStatus.allCases.sorted(by: { $0.urgency > $1.urgency }) {
            let count = accounts.map { $0.counts[status] ?? 0 }.reduce(0, +)
            page.element(count > 0 ? "<div><dt>" : "<div class=\"none\"><dt>", status.rawValue, "</dt><dd>")
            page.text("\(count)")
            page.markup("</dd></div>")
        }
        page.markup("</dl></section>")
    }

    private static func write(_ account: AccountState, now: Moment, to page: inout HTML) {
        page.markup("<section><h2>")
        page.text(account.name.map { "Account \($0)" } ?? "Polls")
        page.markup("</h2><p>")
        if let error = account.lastError {
            page.element("<strong class=\"bad\">Failing</strong>: ", error.detail, ".")
            if let hint = error.hint {
                page.element(" ", hint, "")
            }
        } else if account.isUp(at: now.uptime) {
            page.markup("<strong class=\"good\">Working</strong>.")
        } else {
            page.markup(account.polls == 0 ? "The first poll is under way." : "<strong class=\"bad\">Stale</strong>.")
        }
        page.markup("</p><p>")
        page.text("Last poll: \(ago(account.lastPoll, now)). Last success: \(ago(account.lastSuccess, now)).")
        page.text(" Polled every \(age(account.interval)).")
        if account.lastSuccess != nil, !account.isFresh(at: now.uptime) {
            page.text(" The data is older than \(age(account.staleAfter)) and no longer shown.")
        }
        page.markup("</p></section>")
    }

    private static func writeInstances(_ rows: [Row], hasAccounts: Bool, now: Moment, to page: inout HTML) {
        guard !rows.isEmpty else {
            return
        }
        let sorted = rows.sorted { a, b in
            let (first, second) = (a.tracked, b.tracked)
            return (second.instance.status.urgency, second.statusChangedAt, first.instance.id)
                < (first.instance.status.urgency, first.statusChangedAt, second.instance.id)
        }
        page.markup("<section><h2>Instances, trouble first</h2><div class=\"scroll\"><table><thead><tr>")
        page.markup("<th scope=\"col\">Status</th><th scope=\"col\">Since</th><th scope=\"col\">Name</th>")
        page.markup(hasAccounts ? "<th scope=\"col\">Account</th>" : "")
        page.markup("<th scope=\"col\">Id</th></tr></thead><tbody>")
        for row in sorted.prefix(mostInstances) {
            let instance = row.tracked.instance
            page.element(
                instance.status == .working ? "<tr><td class=\"good\">" : "<tr><td class=\"bad\">",
                instance.status.rawValue, "</td><td>")
            page.text(age(.seconds(max(0, now.unix - row.tracked.statusChangedAt))))
            page.element("</td><td><bdi>", instance.name, "</bdi></td>")
            if hasAccounts {
                page.element("<td><bdi>", row.account ?? "", "</bdi></td>")
            }
            page.element("<td><code><bdi>", instance.id, "</bdi></code></td></tr>")
        }
        page.markup("</tbody></table></div>")
        if rows.count > mostInstances {
            page.element(
                "<p>", "\(rows.count - mostInstances) more are not listed here; the metrics have them all.", "</p>")
        }
        page.markup("</section>")
    }

    private static func ago(_ moment: Moment?, _ now: Moment) -> String {
        moment.map { "\(age(now.uptime - $0.uptime)) ago" } ?? "none yet"
    }

    /// A duration in its two largest units.
    static func age(_ duration: Duration) -> String {
        let seconds = Int(duration.seconds)
        return switch seconds {
        case ..<60: "\(seconds) s"
        case ..<3600: "\(seconds / 60) min \(seconds % 60) s"
        case ..<86400: "\(seconds / 3600) h \(seconds % 3600 / 60) min"
        default: "\(seconds / 86400) d \(seconds % 86400 / 3600) h"
        }
    }

    private static let head: StaticString = """
        <!DOCTYPE html>
        <html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">
        <meta name="color-scheme" content="light dark"><meta http-equiv="refresh" content="30"><title>Hypersender exporter</title><style>
        :root { color-scheme: light dark; --bad: light-dark(#b00020, #ff8a80); --good: light-dark(#1b6e2d, #81c995); --line: #8884; }
        body { font: 16px/1.5 system-ui, sans-serif; margin: 0; } main { max-width: 72rem; margin: auto; padding: 1rem; }
        h1 { font-size: 1.5rem; } h2 { font-size: 1.15rem; margin: 1.5rem 0 .5rem; } p { margin: .25rem 0; }
        .counts { display: flex; flex-wrap: wrap; gap: .5rem; margin: 0; } .counts div { border: 1px solid var(--line);
        border-radius: .5rem; padding: .5rem .75rem; min-width: 6rem; } .counts .none { opacity: .6; }
        dt { font-size: .8rem; } dd { margin: 0; font-size: 1.5rem; font-variant-numeric: tabular-nums; }
        .bad { color: var(--bad); } .good { color: var(--good); } .scroll { overflow-x: auto; }
        table { border-collapse: collapse; width: 100%; } th, td { text-align: left; padding: .3rem .75rem .3rem 0;
        border-bottom: 1px solid var(--line); vertical-align: top; overflow-wrap: anywhere; } td:first-child, td:nth-child(2) { white-space: nowrap; }
        footer { margin-top: 2rem; font-size: .9rem; }
        </style></head><body><main><h1>Hypersender exporter</h1>
        """
}

extension InstanceStatus {
    /// What a person should look at first has the highest.
    fileprivate var urgency: Int {
        switch self {
        case .failed: 6
        case .scanQRCode: 5
        case .unknown: 4
        case .stopped: 3
        case .pending: 2
        case .starting: 1
        case .working: 0
        }
    }
}
