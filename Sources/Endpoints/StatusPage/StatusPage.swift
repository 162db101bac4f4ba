import Basics
import HypersenderAPI
import Monitoring

/// The page for a person: how things are, what is in trouble, and how the polls go.
struct StatusPage {
    /// The page, complete, in UTF-8.
    let bytes: [UInt8]

    /// How many instances are listed; more are counted only.
    static let mostInstances = 500
    /// With more accounts than these, those that work are folded up.
    static let mostAccountsUnfolded = 6

    /// - Parameters:
    ///   - runbooks: the address of the page that says what to do.
    ///   - nonce: ties the page's styles to its policy; to be another each time.
    init(
        _ snapshot: Snapshot, exporter: ExporterState, now: Moment, metricsPath: String,
        runbooks: String = RunbooksPage.link, query: StatusQuery = StatusQuery(), nonce: UInt64
    ) {
        var writer = StatusPageWriter(
            accounts: snapshot.accounts, now: now, runbooks: runbooks, query: query,
            selection: InstanceSelection(
                snapshot.accounts, uptime: now.uptime, now: now.unix, query: query, most: Self.mostInstances))
        writer.writePage(exporter, metricsPath: metricsPath, nonce: nonce)
        bytes = writer.page.bytes
    }
}

/// Writes the page from top to bottom.
private struct StatusPageWriter {
    let accounts: [AccountState]
    let now: Moment
    let runbooks: String
    let query: StatusQuery
    let selection: InstanceSelection
    var page = HTML()

    private var hasNames: Bool {
        accounts.contains { $0.name != nil }
    }

    mutating func writePage(_ exporter: ExporterState, metricsPath: String, nonce: UInt64) {
        let verdict = Verdict(accounts, selection, now: now)
        writeHead(verdict, nonce: nonce)
        writeTop(verdict)
        if accounts.contains(where: { $0.isFresh(at: now.uptime) }) {
            writeCounts()
        }
        writeAccounts()
        if selection.total > 0 {
            writeInstances()
        }
        writeFooter(exporter, metricsPath: metricsPath)
    }

    // MARK: Head and top

    private mutating func writeHead(_ verdict: Verdict, nonce: UInt64) {
        page.markup(
            """
            <!DOCTYPE html>
            <html lang="en"><head><meta charset="utf-8">
            <meta name="viewport" content="width=device-width, initial-scale=1">
            <meta name="color-scheme" content="light dark">

            """)
        if !query.isPaused {
            page.markup("<meta http-equiv=\"refresh\" content=\"30\">\n")
        }
        page.element("<title>", verdict.headline, " · Hypersender exporter</title>\n")
        page.markup("<link rel=\"icon\" href=\"")
        page.markup(verdict.level.icon)
        page.element("\">\n<style nonce=\"", "\(nonce)", "\">\n")
        page.markup(StatusPageStyle.text)
        page.markup("</style></head>\n<body><main>\n")
    }

    private mutating func writeTop(_ verdict: Verdict) {
        page.markup("<header><p class=\"brand\">Hypersender exporter</p><p class=\"asof\">Updated ")
        page.time(now.unix, showing: UTCTime(now.unix).full)
        page.markup(query.isPaused ? ", paused. " : ", every 30 s. ")
        page.markup("<a href=\"")
        writeAddress(status: query.status, isPaused: !query.isPaused, keepsFilter: true)
        page.markup(query.isPaused ? "\">Resume</a></p></header>\n" : "\">Pause</a></p></header>\n")
        page.markup("<div class=\"verdict ")
        page.markup(verdict.level.className)
        page.element("\"><h1>", verdict.headline, "</h1>")
        for note in verdict.notes {
            page.element("<p>", note, "</p>")
        }
        let troubles = InstanceStatus.byUrgency.filter(selection.troubles.contains)
        if !troubles.isEmpty {
            page.markup("<p>What to do: ")
            for (number, status) in troubles.enumerated() {
                page.markup(number > 0 ? ", " : "")
                writeRunbook(Runbook(status), status.rawValue)
            }
            page.markup("</p>")
        }
        page.markup("</div>\n")
    }

    /// Writes a text as a link to its runbook, if there is one.
    private mutating func writeRunbook(_ runbook: Runbook?, _ text: String) {
        guard let runbook else {
            page.text(text)
            return
        }
        page.markup("<a rel=\"noreferrer\" href=\"")
        page.attribute(runbooks + runbook.anchor)
        page.element("\">", text, "</a>")
    }

    /// The address of this page with another query.
    private mutating func writeAddress(status: StatusQuery.Choice, isPaused: Bool? = nil, keepsFilter: Bool = false) {
        page.markup("?")
        var separator: StaticString = ""
        func add(_ name: StaticString, _ value: String) {
            page.markup(separator)
            page.markup(name)
            page.markup("=")
            page.attribute(value.percentEncoded)
            separator = "&amp;"
        }
        if keepsFilter, !query.text.isEmpty {
            add("q", query.text)
        }
        if let name = status.name {
            add("status", name)
        }
        if keepsFilter, let account = query.account {
            add("account", account)
        }
        if isPaused ?? query.isPaused {
            add("refresh", "off")
        }
    }

    // MARK: Counts

    private mutating func writeCounts() {
        page.markup("<nav aria-label=\"Instances by status\"><ul class=\"counts\">")
        for status in InstanceStatus.byUrgency {
            writeCount(status.rawValue, selection.counts[status] ?? 0, .only(status), status.tone(after: 0))
        }
        writeCount("All", selection.total, .all, "all")
        page.markup("</ul></nav>\n")
    }

    private mutating func writeCount(
        _ label: String, _ count: Int, _ choice: StatusQuery.Choice, _ tone: StaticString
    ) {
        page.markup("<li><a class=\"")
        page.markup(count > 0 ? tone : "none")
        page.markup(query.status == choice ? "\" aria-current=\"true\" href=\"" : "\" href=\"")
        writeAddress(status: choice)
        page.element("#instances\"><b>", count.grouped, "</b> ")
        page.element("<span>", label, "</span></a></li>")
    }

    // MARK: Accounts

    private mutating func writeAccounts() {
        page.markup(hasNames ? "<section><h2>Accounts</h2>\n" : "<section><h2>Polls</h2>\n")
        let folds = accounts.count > StatusPage.mostAccountsUnfolded
        let working = accounts.filter { $0.isUp(at: now.uptime) }
        for account in accounts where !account.isUp(at: now.uptime) {
            write(account)
        }
        if folds, !working.isEmpty {
            page.element(
                "<details><summary>", working.count.counting("account works", "accounts work"), "</summary>\n")
        }
        for account in working {
            write(account)
        }
        page.markup(folds && !working.isEmpty ? "</details></section>\n" : "</section>\n")
    }

    private mutating func write(_ account: AccountState) {
        page.markup(accounts.count == 1 ? "<div class=\"card account sole\">" : "<div class=\"card account\">")
        page.markup("<div class=\"state\">")
        if let name = account.name {
            page.element("<h3><bdi>", name, "</bdi></h3>")
        }
        writeState(account)
        page.markup("</div><dl class=\"facts\">")
        page.markup("<div><dt>Last poll</dt><dd>")
        write(account.lastPoll)
        page.markup("</dd></div><div><dt>Last success</dt><dd>")
        write(account.lastSuccess)
        page.element("</dd></div><div><dt>Interval</dt><dd>", account.interval.inWords, "</dd></div>")
        if account.isFresh(at: now.uptime) {
            let count = account.counts.values.reduce(0, +)
            page.element("<div><dt>Instances</dt><dd>", count.grouped, "</dd></div>")
            if let invalid = account.invalid, invalid > 0 {
                page.element("<div><dt>Unreadable</dt><dd>", invalid.grouped, "</dd></div>")
            }
        }
        if let remaining = account.rateLimit.remaining {
            let limit = account.rateLimit.limit.map { " of \($0.grouped)" } ?? ""
            page.element("<div><dt>Requests left</dt><dd>", remaining.grouped + limit, "</dd></div>")
        }
        page.markup("</dl>")
        writeTrouble(account)
        page.markup("</div>\n")
    }

    private mutating func writeState(_ account: AccountState) {
        if account.lastError != nil {
            page.markup("<p><span class=\"label bad\">Failing</span>")
            if let since = account.failingSince {
                page.markup(" since ")
                page.time(since.unix, showing: UTCTime(since.unix).short(on: UTCTime(now.unix)))
            }
            page.markup("</p>")
        } else if account.isUp(at: now.uptime) {
            page.markup("<p><span class=\"label good\">Working</span></p>")
        } else if account.polls == 0 {
            page.markup("<p><span class=\"label\">First poll under way</span></p>")
        } else {
            page.markup("<p><span class=\"label bad\">Overdue</span></p>")
        }
    }

    /// What is wrong with an account's polls, and what that means for its data.
    private mutating func writeTrouble(_ account: AccountState) {
        guard account.polls > 0, !account.isUp(at: now.uptime) else {
            return
        }
        page.markup("<div class=\"trouble\">")
        if let error = account.lastError {
            page.element("<p><code>", error.reason.rawValue, "</code> ")
            page.element("<strong><bdi>", error.detail, "</bdi></strong></p>")
            if let hint = error.hint {
                page.element("<p>", hint, "</p>")
            }
        }
        page.markup("<p>")
        if let success = account.lastSuccess {
            let age = now.uptime - success.uptime
            page.text(
                account.isFresh(at: now.uptime)
                    ? "Its last good data is still shown, and withdrawn in \((account.staleAfter - age).inWords) unless "
                        + "a poll succeeds."
                    : "Its data is withdrawn: it is older than \(account.staleAfter.inWords).")
        } else {
            page.markup("There is no data: no poll has succeeded yet.")
        }
        page.markup(" ")
        writeRunbook(account.lastError.map { Runbook($0.reason) } ?? .pollsFailing, "What to do")
        page.markup("</p></div>")
    }

    private mutating func write(_ moment: Moment?) {
        guard let moment else {
            page.markup("none yet")
            return
        }
        page.time(moment.unix, showing: "\((now.uptime - moment.uptime).inWords) ago")
        page.element(" <small>", UTCTime(moment.unix).short(on: UTCTime(now.unix)), "</small>")
    }

    // MARK: Instances

    private mutating func writeInstances() {
        page.markup("<section id=\"instances\"><h2>Instances</h2>\n")
        writeForm()
        guard !selection.places.isEmpty else {
            page.markup("<p class=\"card empty\">No instance matches. <a href=\"")
            writeAddress(status: .all)
            page.markup("#instances\">Show all</a></p></section>\n")
            return
        }
        page.markup("<div class=\"card\"><table role=\"table\"><caption>")
        page.text(summary)
        page.markup("</caption><thead role=\"rowgroup\"><tr role=\"row\">")
        page.markup(
            "<th role=\"columnheader\" scope=\"col\">Status</th><th role=\"columnheader\" scope=\"col\">Name</th>")
        page.markup(hasNames ? "<th role=\"columnheader\" scope=\"col\">Account</th>" : "")
        page.markup(
            "<th role=\"columnheader\" scope=\"col\">Unchanged for</th><th role=\"columnheader\" scope=\"col\">Id</th>")
        page.markup("</tr></thead><tbody role=\"rowgroup\">\n")
        for place in selection.places {
            let account = accounts[place.account]
            write(account.groups[place.group].instances[place.index], account.name)
        }
        page.markup("</tbody></table></div>\n")
        page.markup(
            "<p class=\"note\">≥: the status was already so when the exporter first saw the instance.</p></section>\n")
    }

    private var summary: String {
        let (shown, matched, total) = (selection.places.count, selection.matched, selection.total)
        let all = total.counting("instance", "instances")
        let found = query.filters ? "\(matched.grouped) of \(all) \(matched == 1 ? "matches" : "match")" : all
        return shown < matched ? "\(found); the first \(shown) are shown, trouble first." : "\(found), trouble first."
    }

    private mutating func write(_ tracked: TrackedInstance, _ account: String?) {
        let instance = tracked.instance
        let age = max(0, now.unix - tracked.statusChangedAt)
        page.markup("<tr role=\"row\"><td role=\"cell\"><span class=\"label ")
        page.markup(instance.status.tone(after: age))
        page.element("\">", instance.status.rawValue, "</span></td>")
        page.markup("<th role=\"rowheader\" scope=\"row\">")
        if instance.name.unicodeScalars.allSatisfy(\.properties.isWhitespace) {
            page.markup("<i>no name</i></th>")
        } else {
            page.element("<bdi>", instance.name, "</bdi></th>")
        }
        if hasNames {
            page.element("<td role=\"cell\" class=\"of\"><bdi>", account ?? "", "</bdi></td>")
        }
        page.markup("<td role=\"cell\" class=\"age\">")
        let words = Duration.seconds(age).inWords
        let isFirst = tracked.statusChanges == 0
        page.time(
            tracked.statusChangedAt, title: isFirst ? "first seen " : "since ", showing: isFirst ? "≥ \(words)" : words)
        page.element("</td><td role=\"cell\" class=\"id\"><bdi>", instance.id, "</bdi></td></tr>\n")
    }

    private mutating func writeForm() {
        // Without an action the form goes to this very page, also where a proxy has it under another path.
        page.markup("<form method=\"get\" role=\"search\" autocomplete=\"off\"><p><label for=\"q\">Name or id</label>")
        page.markup("<input id=\"q\" name=\"q\" type=\"search\" dir=\"auto\" maxlength=\"256\" value=\"")
        page.attribute(query.text)
        page.markup("\"></p><p><label for=\"status\">Status</label><select id=\"status\" name=\"status\">")
        writeOption("", "Any", isChosen: query.status == .all)
        writeOption(
            StatusQuery.Choice.attentionName, "Needs attention", isChosen: query.status == .attention)
        for status in InstanceStatus.byUrgency {
            writeOption(status.rawValue, status.rawValue, isChosen: query.status == .only(status))
        }
        page.markup("</select></p>")
        if hasNames {
            page.markup("<p><label for=\"account\">Account</label><select id=\"account\" name=\"account\">")
            writeOption("", "Any", isChosen: query.account == nil)
            for name in accounts.compactMap(\.name) {
                writeOption(name, name, isChosen: query.account == name)
            }
            page.markup("</select></p>")
        }
        if query.isPaused {
            page.markup("<input type=\"hidden\" name=\"refresh\" value=\"off\">")
        }
        page.markup("<p><button>Filter</button>")
        if query.filters {
            page.markup(" <a href=\"")
            writeAddress(status: .all)
            page.markup("#instances\">Clear</a>")
        }
        page.markup("</p></form>\n")
    }

    private mutating func writeOption(_ value: String, _ label: String, isChosen: Bool) {
        page.markup("<option value=\"")
        page.attribute(value)
        page.markup(isChosen ? "\" selected>" : "\">")
        page.element("", label, "</option>")
    }

    // MARK: Footer

    private mutating func writeFooter(_ exporter: ExporterState, metricsPath: String) {
        page.markup("<details class=\"legend\"><summary>What the statuses mean</summary><dl>")
        for status in InstanceStatus.byUrgency {
            page.markup("<dt>")
            writeRunbook(Runbook(status), status.rawValue)
            page.markup("</dt>")
            page.element("<dd>", status.advice, "</dd>")
        }
        page.markup("</dl></details>\n</main>\n<footer><nav aria-label=\"Exporter\"><a href=\".")
        // Relative, for a proxy that has the exporter under another path.
        page.attribute(metricsPath)
        page.markup("\">Metrics</a> <a href=\"./-/healthy\">Health</a> <a href=\"./-/ready\">Readiness</a>")
        page.markup(" <a rel=\"noreferrer\" href=\"")
        page.attribute(runbooks)
        page.markup("\">Runbooks</a></nav>")
        page.element("<p>hypersender-exporter ", exporter.version, "")
        page.element(" <small>", String(exporter.revision.prefix(12)), "</small></p></footer></body></html>\n")
    }
}

extension StatusQuery.Choice {
    /// What `init` reads; nil for all.
    fileprivate var name: String? {
        switch self {
        case .all: nil
        case .attention: Self.attentionName
        case .only(let status): status.rawValue
        case .nothing: "-"
        }
    }
}

extension InstanceStatus {
    fileprivate static let byUrgency = allCases.sorted { $0.urgency > $1.urgency }

    /// The class of its colours, after so many seconds.
    fileprivate func tone(after seconds: Double) -> StaticString {
        switch self {
        case .failed, .scanQRCode: "bad"
        case .unknown, .stopped: "warning"
        case .pending, .starting: needsAttention(after: seconds) ? "warning" : "info"
        case .working: "good"
        }
    }
}

extension Verdict.Level {
    fileprivate var className: StaticString {
        switch self {
        case .neutral: "neutral"
        case .good: "good"
        case .warning: "warning"
        case .bad: "bad"
        }
    }
}
