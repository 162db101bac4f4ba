import Basics
import Monitoring

/// How things are, in one sentence, and what limits its truth.
struct Verdict: Equatable {
    enum Level: Int, Comparable {
        case neutral, good, warning, bad

        static func < (first: Level, second: Level) -> Bool {
            first.rawValue < second.rawValue
        }
    }

    private(set) var level: Level
    /// For the title and the top of the page.
    private(set) var headline: String
    /// What else is to be known of the polls, in whole sentences.
    private(set) var notes: [String] = []

    init(_ accounts: [AccountState], _ selection: InstanceSelection, now: Moment) {
        guard accounts.contains(where: { $0.isFresh(at: now.uptime) }) else {
            (level, headline) = Self.withoutData(accounts, now)
            return
        }
        (level, headline) = Self.instances(selection)
        // Where instances are in trouble, that goes first; where all seems well, the title must say that not all is seen.
        let isSeenWell = level < .bad
        let withdrawn = accounts.filter { $0.polls > 0 && !$0.isFresh(at: now.uptime) }
        if !withdrawn.isEmpty {
            let text = Self.share(withdrawn.count, accounts.count, "has no data", "have no data")
            headline += isSeenWell ? ", but \(text)" : ""
            notes.append("\(text): no poll has succeeded recently enough.")
            level = .bad
        }
        let failing = accounts.filter { $0.lastError != nil && $0.isFresh(at: now.uptime) }
        if let since = Self.failingSince(failing, now),
            let oldest = failing.compactMap({ $0.lastSuccess?.uptime }).min()
        {
            headline += isSeenWell && withdrawn.isEmpty ? ", but polls fail" : ""
            let polls =
                accounts.count == 1
                ? "Polls fail" : "Polls of \(failing.count) of \(accounts.count.grouped) accounts fail"
            notes.append("\(polls) since \(since); the data shown is up to \((now.uptime - oldest).inWords) old.")
            level = max(level, .warning)
        }
        let unreadable = accounts.filter { $0.isFresh(at: now.uptime) }.compactMap(\.invalid).reduce(0, +)
        if unreadable > 0 {
            let text = unreadable.counting("element of the list is", "elements of the list are") + " unreadable"
            headline += isSeenWell && level < .warning ? ", but \(text)" : ""
            notes.append("\(text): without an id they cannot be shown, without a status they are shown as UNKNOWN.")
            level = max(level, .warning)
        }
        let waiting = accounts.count { $0.polls == 0 }
        if waiting > 0 {
            notes.append(Self.share(waiting, accounts.count, "waits", "wait") + " for the first poll.")
        }
    }

    private static func withoutData(_ accounts: [AccountState], _ now: Moment) -> (Level, String) {
        if let since = failingSince(accounts, now) {
            (.bad, "No data: polls fail since \(since)")
        } else if let last = accounts.compactMap({ $0.lastPoll?.unix }).max() {
            (.bad, "No data: the last poll ended at \(UTCTime(last).short(on: UTCTime(now.unix)))")
        } else {
            (.neutral, "Waiting for the first poll")
        }
    }

    private static func instances(_ selection: InstanceSelection) -> (Level, String) {
        let total = selection.total
        let instances = total == 1 ? "instance" : "instances"
        if total == 0 {
            return (.neutral, "No instances")
        } else if selection.attention > 0 {
            let verb = selection.attention == 1 ? "needs" : "need"
            return (.bad, "\(selection.attention.grouped) of \(total.grouped) \(instances) \(verb) attention")
        } else if selection.settling > 0 {
            let verb = selection.settling == 1 ? "is" : "are"
            return (.warning, "\(selection.settling.grouped) of \(total.grouped) \(instances) \(verb) starting")
        } else {
            return (.good, total == 1 ? "The only instance is working" : "All \(total.grouped) instances are working")
        }
    }

    /// Since when the first of those that fail does so.
    private static func failingSince(_ accounts: [AccountState], _ now: Moment) -> String? {
        accounts.compactMap { $0.failingSince?.unix }.min().map { UTCTime($0).short(on: UTCTime(now.unix)) }
    }

    private static func share(_ part: Int, _ all: Int, _ one: String, _ many: String) -> String {
        "\(part.grouped) of \(all.counting("account", "accounts")) \(part == 1 ? one : many)"
    }
}
