import Basics
import HypersenderAPI
import Monitoring

/// The page for a person: the state of the accounts, instances in trouble first, and the polls.
struct StatusPage {
    var accounts: [AccountState]
    var exporter: ExporterState
    var now: Moment
    var metricsPath: String
    /// The address of the runbooks.
    var runbooks = RunbooksPage.link
    var query = StatusQuery()

    /// The maximum number of instances listed; further ones are only counted.
    static let maximumInstances = 500
    /// The maximum number of accounts shown, those in trouble first.
    static let maximumAccounts = 200
    /// With more accounts than these, the working ones are folded up.
    static let maximumUnfoldedAccounts = 6

    var hasNames: Bool {
        accounts.contains { $0.options.name != nil }
    }

    /// The whole page.
    var page: HTMLPage {
        let selection = InstanceSelection(accounts, now: now, query: query, maximum: Self.maximumInstances)
        let summary = StatusSummary(accounts, selection, now: now)
        let hasFilter = selection.counts.total > 0 || accounts.count > Self.maximumAccounts
        let hasData = accounts.contains { $0.isFresh(at: now.uptime) }
        return HTMLPage(
            title: summary.headline, icon: summary.level.icon, refreshes: !query.isPaused,
            body: """
                <main>
                \(html: header(summary, troubles: selection.troubles))\
                \(html: hasData ? counts(selection) : "")\
                \(html: accountsSection)\
                \(html: hasFilter ? instancesSection(selection) : "")\
                \(html: legend)</main>
                \(html: footer)
                """)
    }

    private func header(_ summary: StatusSummary, troubles: Set<InstanceStatus>) -> HTML {
        let links = InstanceStatus.byUrgency.filter(troubles.contains).enumerated().map { number, status in
            "\(number > 0 ? ", " : "")\(html: link(to: Runbook(status), status.rawValue))" as HTML
        }
        return """
            <header><p class="brand">Hypersender exporter</p>\
            <p class="asof">Updated \(html: .time(now.unix, showing: UTCTime(now.unix).full))\
            \(query.isPaused ? ", paused." : ", every 30 s.") \
            <a href="\(attribute: address(status: query.status, isPaused: !query.isPaused, keepsFilter: true))">\
            \(query.isPaused ? "Resume" : "Pause")</a></p></header>
            <div class="verdict \("\(summary.level)")"><h1>\(summary.headline)</h1>\
            \(each: summary.notes.map { "<p>\($0)</p>" })\
            \(html: links.isEmpty ? "" : "<p>What to do: \(each: links)</p>")</div>

            """
    }

    /// Returns a text as a link to its runbook, if there is one.
    func link(to runbook: Runbook?, _ text: String) -> HTML {
        guard let runbook else { return "\(text)" }
        return "<a rel=\"noreferrer\" href=\"\(attribute: runbooks + runbook.anchor)\">\(text)</a>"
    }

    /// Returns the address of this page with another query.
    func address(status: String, isPaused: Bool? = nil, keepsFilter: Bool = false) -> String {
        let fields = [
            ("q", keepsFilter ? query.text : ""), ("status", status),
            ("account", keepsFilter ? query.account : ""), ("refresh", isPaused ?? query.isPaused ? "off" : ""),
        ]
        return "?" + fields.filter { !$1.isEmpty }.map { "\($0)=\($1.percentEncoded)" }.joined(separator: "&")
    }

    private func counts(_ selection: InstanceSelection) -> HTML {
        let statuses = InstanceStatus.byUrgency.map { status in
            count(status.rawValue, selection.counts[status], status.rawValue, tone: status.tone(after: 0))
        }
        return """
            <nav aria-label="Instances by status"><ul class="counts">\
            \(each: statuses)\(html: count("All", selection.counts.total, "", tone: "all"))</ul></nav>

            """
    }

    private func count(_ label: String, _ count: Int, _ status: String, tone: String) -> HTML {
        """
        <li><a class="\(count > 0 ? tone : "none")"\(html: query.status == status ? " aria-current=\"true\"" : "") \
        href="\(attribute: address(status: status))#instances"><b>\(count.grouped)</b> <span>\(label)</span></a></li>
        """
    }

    private var legend: HTML {
        let statuses = InstanceStatus.byUrgency.map { status in
            "<dt>\(html: link(to: Runbook(status), status.rawValue))</dt><dd>\(status.advice)</dd>" as HTML
        }
        return """
            <details class="legend"><summary>What the statuses mean</summary><dl>\(each: statuses)</dl></details>

            """
    }

    /// The links are relative, for a proxy that has the exporter under another path.
    private var footer: HTML {
        """
        <footer><nav aria-label="Exporter"><a href=".\(attribute: metricsPath)">Metrics</a> \
        <a href="./-/healthy">Health</a> <a href="./-/ready">Readiness</a> \
        <a rel="noreferrer" href="\(attribute: runbooks)">Runbooks</a></nav>\
        <p>hypersender-exporter \(exporter.version) <small>\(exporter.revision.prefix(12))</small></p></footer>
        """
    }
}
