import Basics
import Monitoring

/// The state of all accounts in one sentence, with notes on how far it can be trusted.
struct StatusSummary: Equatable {
    /// The severity, which is also the CSS class.
    enum Level: Comparable {
        case neutral, good, warning, bad
    }

    private(set) var level: Level
    /// The sentence for the title and the top of the page.
    private(set) var headline: String
    /// Whole sentences about the polls.
    private(set) var notes: [String] = []

    init(_ accounts: [AccountState], _ selection: InstanceSelection, now: Moment) {
        let fresh = accounts.filter { $0.isFresh(at: now.uptime) }
        guard !fresh.isEmpty else {
            (level, headline) = Self.withoutData(accounts, now)
            return
        }
        (level, headline) = Self.instances(selection)
        // Instances in trouble go first; if all seem well, the headline must say what is not seen.
        let seemsWell = level < .bad
        let withdrawn = accounts.count { $0.polls > 0 && !$0.isFresh(at: now.uptime) }
        if withdrawn > 0 {
            let text = Self.share(withdrawn, accounts.count, "has no data", "have no data")
            if seemsWell { headline += ", but \(text)" }
            notes.append("\(text): no poll has succeeded recently enough.")
            level = .bad
        }
        let failing = fresh.filter { $0.lastError != nil }
        if let since = Self.failingSince(failing, now), let oldest = failing.compactMap(\.lastSuccess?.uptime).min() {
            if seemsWell, withdrawn == 0 { headline += ", but polls are failing" }
            let share = accounts.count == 1 ? "" : " of \(failing.count) of \(accounts.count.grouped) accounts"
            let age = (now.uptime - oldest).inWords
            notes.append("Polls\(share) have failed since \(since); the data shown is up to \(age) old.")
            level = max(level, .warning)
        }
        let unreadable = fresh.compactMap(\.invalid).reduce(0, +)
        if unreadable > 0 {
            let text = unreadable.counting("element of the list is", "elements of the list are") + " unreadable"
            if seemsWell, level < .warning { headline += ", but \(text)" }
            notes.append("\(text): without an id they cannot be shown, without a status they are shown as UNKNOWN.")
            level = max(level, .warning)
        }
        let waiting = accounts.count { $0.polls == 0 }
        if waiting > 0 {
            notes.append(Self.share(waiting, accounts.count, "waits", "wait") + " for the first poll.")
        }
    }

    private static func withoutData(_ accounts: [AccountState], _ now: Moment) -> (Level, String) {
        if let since = failingSince(accounts, now) { return (.bad, "No data: polls have failed since \(since)") }
        guard let last = accounts.compactMap(\.lastPoll?.unix).max() else {
            return (.neutral, "Waiting for the first poll")
        }
        return (.bad, "No data: the last poll ended at \(UTCTime(last).short(on: UTCTime(now.unix)))")
    }

    private static func instances(_ selection: InstanceSelection) -> (Level, String) {
        let total = selection.counts.total
        func part(_ count: Int, _ one: String, _ many: String) -> String {
            "\(count.grouped) of \(total.counting("instance", "instances")) \(count == 1 ? one : many)"
        }
        if selection.attention > 0 { return (.bad, part(selection.attention, "needs attention", "need attention")) }
        if selection.settling > 0 { return (.warning, part(selection.settling, "is starting", "are starting")) }
        switch total {
        case 0: return (.neutral, "No instances")
        case 1: return (.good, "The only instance is working")
        default: return (.good, "All \(total.grouped) instances are working")
        }
    }

    /// Returns the time of the first failure of those that fail.
    private static func failingSince(_ accounts: [AccountState], _ now: Moment) -> String? {
        accounts.compactMap(\.failingSince?.unix).min().map { UTCTime($0).short(on: UTCTime(now.unix)) }
    }

    private static func share(_ part: Int, _ all: Int, _ one: String, _ many: String) -> String {
        "\(part.grouped) of \(all.counting("account", "accounts")) \(part == 1 ? one : many)"
    }
}

extension StatusSummary.Level {
    /// The page's icon in a browser's tab: each level has a shape of its own, besides its colour.
    var icon: HTML {
        let shape: HTML =
            switch self {
            case .neutral: "%3Ccircle cx='8' cy='8' r='6' fill='none' stroke='%23808896' stroke-width='3'/%3E"
            case .good:
                """
                %3Ccircle cx='8' cy='8' r='8' fill='%23218739'/%3E\
                %3Cpath d='M4 8.5l3 3 5-6' fill='none' stroke='%23fff' stroke-width='2'/%3E
                """
            case .warning: "%3Cpath d='M8 0l8 15H0z' fill='%23d98a00'/%3E"
            case .bad:
                """
                %3Crect width='16' height='16' rx='3' fill='%23c5221f'/%3E\
                %3Cpath d='M8 3v6m0 2v2' stroke='%23fff' stroke-width='2'/%3E
                """
            }
        return """
            data:image/svg+xml,%3Csvg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 16 16'%3E\
            \(html: shape)%3C/svg%3E
            """
    }
}
