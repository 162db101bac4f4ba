import Testing

@testable import HypersenderAPI
@testable import Monitoring

/// Instances are written as `id:STATUS`, changes as `id FROM>TO seconds`, with `-` for what there is not.
struct InstanceChangeTests {
    private func poll(_ state: inout AccountState, _ text: String, at seconds: Double, unix: Double? = nil) {
        let instances = text.split(separator: " ").map { word in
            let parts = word.split(separator: ":").map(String.init)
            return Instance(id: parts[0], name: "of \(parts[0])", status: InstanceStatus(api: parts[1]))
        }
        let now = Moment(unix: unix ?? 1_000_000 + seconds, uptime: .seconds(seconds))
        state.record(.success(.list(InstanceList(instances: instances))), started: now, ended: now)
    }

    private func changes(_ old: AccountState, _ new: AccountState) -> [String] {
        new.changes(since: old).map { change in
            let (from, to) = (change.from?.rawValue ?? "-", change.to?.rawValue ?? "-")
            return "\(change.instance.id) \(from)>\(to) \(change.after.map { "\(Int($0))" } ?? "-")"
        }
    }

    @Test(
        arguments: [
            ("a:WORKING b:FAILED", "a:WORKING b:FAILED", []),
            ("a:WORKING b:FAILED", "b:FAILED a:WORKING", []),
            ("a:WORKING b:FAILED", "a:STOPPED b:FAILED", ["a WORKING>STOPPED 60"]),
            ("a:WORKING b:FAILED", "a:STOPPED b:WORKING", ["a WORKING>STOPPED 60", "b FAILED>WORKING 60"]),
            ("a:WORKING", "a:BANNED", ["a WORKING>UNKNOWN 60"]),
            ("b:WORKING", "a:PENDING b:WORKING", ["a ->PENDING -"]),
            ("a:WORKING b:FAILED", "b:FAILED", ["a WORKING>- 60"]),
            ("a:WORKING b:FAILED", "b:STOPPED c:PENDING", ["b FAILED>STOPPED 60", "a WORKING>- 60", "c ->PENDING -"]),
            ("", "a:WORKING", ["a ->WORKING -"]), ("a:WORKING", "", ["a WORKING>- 60"]), ("", "", []),
        ] as [(String, String, [String])])
    func tellsWhatChanged(before: String, after: String, expected: [String]) {
        var state = AccountState(AccountOptions(interval: .seconds(60), staleAfter: .seconds(180)))
        poll(&state, before, at: 0)
        let old = state
        poll(&state, after, at: 60)
        #expect(changes(old, state) == expected)
    }

    /// Nothing is said of the first list, nor of failures; the time since a change counts over them.
    @Test func comparesSuccessWithSuccess() {
        var state = AccountState(AccountOptions(interval: .seconds(60), staleAfter: .seconds(180)))
        let new = state
        poll(&state, "a:WORKING", at: 0)
        #expect(changes(new, state) == [])
        let first = state
        let late = Moment(unix: 1_000_060, uptime: .seconds(60))
        state.record(.failure(APIError(.timeout, "late")), started: late, ended: late)
        #expect(changes(first, state) == [])
        let failed = state
        poll(&state, "a:FAILED", at: 120)
        #expect(changes(failed, state) == ["a WORKING>FAILED 120"])
    }

    @Test func aClockThatIsSetBackGivesNoTimeBelowZero() {
        var state = AccountState(AccountOptions(interval: .seconds(60), staleAfter: .seconds(180)))
        poll(&state, "a:WORKING b:WORKING", at: 0)
        let old = state
        poll(&state, "a:FAILED", at: 60, unix: 5)
        #expect(changes(old, state) == ["a WORKING>FAILED 0", "b WORKING>- 0"])
    }

    /// An instance that comes first moves all others to other places.
    @Test func findsFewChangesAmongMany() {
        let many = (1000..<2000).map { "\($0):WORKING" }
        var state = AccountState(AccountOptions(interval: .seconds(60), staleAfter: .seconds(180)))
        poll(&state, many.joined(separator: " "), at: 0)
        var old = state
        poll(&state, (many.dropLast() + ["1999:FAILED"]).joined(separator: " "), at: 60)
        #expect(changes(old, state) == ["1999 WORKING>FAILED 60"])
        old = state
        poll(&state, (["0000:PENDING"] + many).joined(separator: " "), at: 90)
        #expect(changes(old, state) == ["1999 FAILED>WORKING 30", "0000 ->PENDING -"])
    }
}
