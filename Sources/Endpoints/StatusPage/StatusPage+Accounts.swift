import Basics
import HypersenderAPI
import Monitoring

extension StatusPage {
    /// A card for each account that the query asks for, the failing ones first; of all accounts if it names none.
    var accountsSection: HTML {
        let found = query.accounts(of: accounts)
        let wanted = found.isEmpty ? accounts : found
        let failing = wanted.filter { !$0.isUp(at: now.uptime) }.prefix(Self.maximumAccounts)
        let working = wanted.filter { $0.isUp(at: now.uptime) }
        let shown = working.prefix(Self.maximumAccounts - failing.count)
        let folds = wanted.count > Self.maximumUnfoldedAccounts && !shown.isEmpty
        let summary = working.count.counting("account works", "accounts work")
        let cut: HTML = """
            <p class="note">The first \(failing.count + shown.count) of \(wanted.count.grouped) accounts are shown, \
            those in trouble first. <a href="#instances">Find others</a></p>
            """
        return """
            <section><h2>\(hasNames ? "Accounts" : "Polls")</h2>
            \(each: failing.map(card))\(html: folds ? "<details><summary>\(summary)</summary>\n" : "")\
            \(each: shown.map(card))\(html: folds ? "</details>" : "")\
            \(html: failing.count + shown.count < wanted.count ? cut : "")</section>

            """
    }

    private func card(_ account: AccountState) -> HTML {
        """
        <div class="card account\(accounts.count == 1 ? " sole" : "")"><div class="state">\
        \(html: account.options.name.map { "<h3><bdi>\($0)</bdi></h3>" } ?? "")<p>\(html: state(account))</p></div>\
        <dl class="facts">\(each: facts(account))</dl>\(html: trouble(account))</div>

        """
    }

    private func facts(_ account: AccountState) -> [HTML] {
        var facts: [(term: String, value: HTML)] = [
            ("Last poll", age(account.lastPoll)), ("Last success", age(account.lastSuccess)),
            ("Interval", "\(account.options.interval.inWords)"),
        ]
        if account.lastError != nil, let next = account.nextPoll {
            facts.append(("Next attempt", next > now.uptime ? "in \((next - now.uptime).inWords)" : "under way"))
        }
        if account.isFresh(at: now.uptime) {
            facts.append(("Instances", "\(account.counts.total.grouped)"))
            if let invalid = account.invalid, invalid > 0 { facts.append(("Unreadable", "\(invalid.grouped)")) }
        }
        if let remaining = account.rateLimit.remaining {
            let limit = account.rateLimit.limit.map { " of \($0.grouped)" } ?? ""
            facts.append(("Requests left", "\(remaining.grouped + limit)"))
        }
        facts += account.options.labels.sorted { $0.key < $1.key }.map { ($0.key, "<bdi>\($0.value)</bdi>") }
        return facts.map { "<div><dt>\($0.term)</dt><dd>\(html: $0.value)</dd></div>" }
    }

    private func state(_ account: AccountState) -> HTML {
        if account.lastError != nil {
            let since = account.failingSince.map { since -> HTML in
                " since \(html: .time(since.unix, showing: UTCTime(since.unix).short(on: UTCTime(now.unix))))"
            }
            return "<span class=\"label bad\">Failing</span>\(html: since ?? "")"
        }
        if account.isUp(at: now.uptime) { return "<span class=\"label good\">Working</span>" }
        if account.polls == 0 { return "<span class=\"label\">First poll under way</span>" }
        return "<span class=\"label bad\">Overdue</span>"
    }

    /// Returns the error of an account's polls and the effect on its data; empty if there is none.
    private func trouble(_ account: AccountState) -> HTML {
        guard account.polls > 0, !account.isUp(at: now.uptime) else { return "" }
        var html: HTML = "<div class=\"trouble\">"
        if let error = account.lastError {
            html += "<p><code>\(error.reason.rawValue)</code> <strong><bdi>\(error.detail)</bdi></strong></p>"
            if let hint = error.reason.hint { html += "<p>\(hint)</p>" }
        }
        let runbook = account.lastError.map { Runbook($0.reason) } ?? .pollsFailing
        html += "<p>\(effect(account)) \(html: link(to: runbook, "What to do"))</p></div>"
        return html
    }

    private func effect(_ account: AccountState) -> String {
        guard let success = account.lastSuccess else { return "There is no data: no poll has succeeded yet." }
        guard account.isFresh(at: now.uptime) else {
            return "Its data is withdrawn: it is older than \(account.options.maximumAge.inWords)."
        }
        let left = account.options.maximumAge - (now.uptime - success.uptime)
        return "Its last good data is still shown, and withdrawn in \(left.inWords) unless a poll succeeds."
    }

    private func age(_ moment: Moment?) -> HTML {
        guard let moment else { return "none yet" }
        return """
            \(html: .time(moment.unix, showing: "\((now.uptime - moment.uptime).inWords) ago")) \
            <small>\(UTCTime(moment.unix).short(on: UTCTime(now.unix)))</small>
            """
    }
}
