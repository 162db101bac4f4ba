import Exposition
import Testing

@testable import HypersenderAPI
@testable import Monitoring

struct AccountStateTests {
    private func moment(_ seconds: Double) -> Moment {
        Moment(unix: 1_000_000 + seconds, uptime: .seconds(seconds))
    }

    private func instance(_ id: String, _ status: InstanceStatus, name: String = "n") -> Instance {
        Instance(id: id, name: name, status: status)
    }

    private func state(_ polls: [(Double, Result<ListResponse, APIError>)]) -> AccountState {
        var state = AccountState(AccountOptions(interval: .seconds(60), staleAfter: .seconds(180)))
        for (time, result) in polls {
            state.record(result, started: moment(time - 1), ended: moment(time))
        }
        return state
    }

    private func good(_ instances: Instance...) -> Result<ListResponse, APIError> {
        .success(.list(InstanceList(instances: instances, bytes: 10)))
    }

    private let bad = Result<ListResponse, APIError>.failure(APIError(.timeout, "late"))

    @Test func nothingIsKnownBeforeTheFirstPoll() {
        let state = state([])
        #expect(!state.isUp(at: .zero) && !state.isFresh(at: .zero))
        #expect(
            state.lastPoll == nil && state.lastSuccess == nil && state.responseBytes == nil && state.duplicates == nil)
    }

    @Test func aFailureKeepsTheDataUntilItIsStale() {
        let state = state([(10, good(instance("a", .working))), (70, bad), (130, bad)])
        #expect(state.instances.count == 1)
        #expect(state.polls == 3 && state.failures == [.timeout: 2])
        #expect(!state.isUp(at: .seconds(130)))
        #expect(state.isFresh(at: .seconds(190)))
        #expect(!state.isFresh(at: .seconds(190.001)))
        #expect(state.lastPoll == moment(130) && state.lastSuccess == moment(10))
    }

    @Test func upEndsWithFreshnessEvenWithoutAFailure() {
        let state = state([(10, good())])
        #expect(state.isUp(at: .seconds(190)))
        #expect(!state.isUp(at: .seconds(191)))
    }

    @Test func aSuccessAfterFailuresIsUp() {
        let state = state([(10, bad), (20, good(instance("a", .working)))])
        #expect(state.isUp(at: .seconds(20)) && state.lastError == nil && state.failures == [.timeout: 1])
    }

    @Test func failingBeginsWithTheFirstFailureAfterASuccess() {
        #expect(state([]).failingSince == nil)
        #expect(state([(10, bad), (20, bad)]).failingSince == moment(10))
        #expect(state([(10, bad), (20, good())]).failingSince == nil)
        #expect(state([(10, bad), (20, good()), (30, bad), (40, bad)]).failingSince == moment(30))
    }

    @Test func historyCountsChangesFromPollToPoll() {
        let state = state([
            (10, good(instance("a", .working), instance("b", .working))),
            (20, good(instance("a", .starting), instance("b", .working))), (30, bad),
            (40, good(instance("b", .working), instance("a", .working))),
            (50, good(instance("b", .working), instance("a", .working))),
        ])
        #expect(state.instances.map(\.instance.id) == ["a", "b"])
        #expect(state.instances.map(\.statusChanges) == [2, 0])
        #expect(state.instances.map(\.statusChangedAt) == [1_000_040, 1_000_010])
    }

    /// A poll at an uptime and a wall clock, whose answer has an age.
    private func poll(
        _ state: inout AccountState, _ uptime: Double, unix: Double? = nil, age: Double = 0, _ status: InstanceStatus?
    ) {
        let ended = Moment(unix: unix ?? 1_000_000 + uptime, uptime: .seconds(uptime))
        state.record(
            status.map {
                .success(.list(InstanceList(instances: [instance("a", $0), instance("b", .working)], age: age)))
            }
                ?? bad, started: ended, ended: ended)
    }

    @Test func noChangeLiesInTheFutureOnceTheClockWasSetBack() {
        var state = state([])
        poll(&state, 10, .working)
        poll(&state, 20, .failed)
        #expect(state.instances.map(\.statusChangedAt) == [1_000_020, 1_000_010])
        // By a failed poll too, whose time is then the latest.
        poll(&state, 30, unix: 999_000, nil)
        #expect(state.instances.map(\.statusChangedAt) == [999_000, 999_000])
        poll(&state, 40, unix: 999_010, .failed)
        #expect(state.instances.map(\.statusChangedAt) == [999_000, 999_000])
        #expect(state.lastSuccess == Moment(unix: 999_010, uptime: .seconds(40)))
        poll(&state, 50, unix: 999_015, .working)
        #expect(state.instances.map(\.statusChangedAt) == [999_015, 999_000])
        #expect(state.instances.map(\.statusChanges) == [2, 0])
    }

    @Test func dataIsAsOldAsItsOriginSays() {
        var state = state([])
        poll(&state, 100, age: 40, .working)
        #expect(state.lastSuccess == moment(60) && state.lastPoll == moment(100))
        #expect(state.isUp(at: .seconds(240)) && !state.isUp(at: .seconds(241)) && !state.isFresh(at: .seconds(241)))
        // An older answer does not move the time back, and an unchanged list has an age too.
        poll(&state, 160, age: 130, .working)
        #expect(state.lastSuccess == moment(60))
        state.record(.success(.unchanged(RateLimit(), age: 20)), started: moment(220), ended: moment(220))
        #expect(state.lastSuccess == moment(200))
        // If the clock is set back, the time of the data follows.
        poll(&state, 230, unix: 500, age: 40, .working)
        #expect(state.lastSuccess == Moment(unix: 470, uptime: .seconds(200)))
    }

    @Test func dataThatWasTooOldFromTheFirstIsNotShown() {
        var state = state([])
        poll(&state, 100, age: 181, .working)
        #expect(!state.isFresh(at: .seconds(100)) && !state.isUp(at: .seconds(100)) && state.lastError == nil)
        var huge = self.state([])
        poll(&huge, 100, age: 0x1p31, .working)
        #expect(!huge.isFresh(at: .seconds(100)))
    }

    @Test func aVanishedInstanceLosesItsHistory() {
        let state = state([
            (10, good(instance("a", .working))), (20, good(instance("a", .failed))), (30, good()),
            (40, good(instance("a", .working))),
        ])
        #expect(state.instances.map(\.statusChanges) == [0])
        #expect(state.instances.map(\.statusChangedAt) == [1_000_040])
    }

    @Test func aRenamedInstanceKeepsItsHistoryUnderItsNewName() {
        let state = state([
            (10, good(instance("a", .working, name: "old"))), (20, good(instance("a", .failed, name: "new"))),
        ])
        #expect(state.instances.first?.instance.name == "new")
        #expect(state.instances.first?.statusChanges == 1)
        #expect(
            state.instances.first?.labels(following: .none) == Labels(["instance_id": "a", "instance_name": "new"]))
    }

    @Test func idsThatLookAlikeKeepHistoriesOfTheirOwn() {
        let (composed, decomposed) = ("caf\u{e9}", "cafe\u{301}")
        let state = state([
            (10, good(instance(composed, .working), instance(decomposed, .working))),
            (20, good(instance(composed, .working), instance(decomposed, .failed))),
        ])
        #expect(state.instances.map(\.instance.status) == [.failed, .working])
        #expect(state.instances.map(\.statusChanges) == [1, 0])
    }

    /// Text is kept for as long as the group, or the part of it that the text is about, stays the same.
    @Test func groupsAreReplacedIfTheyChange() {
        func groups(_ second: Instance) -> (old: InstanceGroup, new: InstanceGroup) {
            var state = state([(10, good(instance("a", .working), instance("b", .working)))])
            let old = state.groups[0]
            state.record(good(instance("a", .working), second), started: moment(19), ended: moment(20))
            return (old, state.groups[0])
        }
        let same = groups(instance("b", .working))
        #expect(same.old === same.new)
        let failed = groups(instance("b", .failed))
        #expect(failed.old !== failed.new && failed.old.facts === failed.new.facts)
        #expect(failed.old.statuses[0] !== failed.new.statuses[0])
        #expect(failed.new.instances[1].statusChanges == 1 && failed.old.instances[1].statusChanges == 0)
        for other in [
            instance("b", .working, name: "other"), instance("c", .working),
            Instance(id: "b", name: "n", status: .working, details: .init(phone: "+1")),
            Instance(id: "b", name: "n", status: .failed, details: .init(serviceType: "sms")),
            Instance(id: "b", name: "n", status: .working, details: .init(hasAccessToken: true)),
            Instance(id: "b", name: "n", status: .working, details: .init(createdAt: 1)),
        ] {
            let groups = groups(other)
            #expect(groups.old.facts !== groups.new.facts, "\(other)")
            #expect(groups.old.statuses[0] !== groups.new.statuses[0], "\(other)")
        }
    }

    /// A change makes new only the text of the part it is in, from the second change on.
    @Test func groupsShareTheTextOfUnchangedParts() {
        func list(_ failed: ClosedRange<Int>) -> Result<ListResponse, APIError> {
            let instances = (10..<74).map { instance("\($0)", failed.contains($0) ? .failed : .working) }
            return .success(.list(InstanceList(instances: instances)))
        }
        var state = state([(10, list(0...0))])
        #expect(state.groups.count == 1 && state.groups[0].statuses.count == 1)
        var groups: [InstanceGroup] = []
        for (poll, failed) in [30...30, 30...60, 26...73, 10...25].enumerated() {
            let time = moment(Double(20 + poll))
            state.record(list(failed), started: time, ended: time)
            groups.append(state.groups[0])
        }
        #expect(groups.map(\.statuses.count) == [4, 4, 4, 1])
        func kept(_ poll: Int) -> [Bool] {
            zip(groups[poll - 1].statuses, groups[poll].statuses).map { $0 === $1 }
        }
        #expect(kept(1) == [true, false, false, false])
        #expect(kept(2) == [true, false, true, false])
        #expect(groups.allSatisfy { $0.facts === groups[0].facts })
    }

    @Test func idsAreInTheOrderOfTheirBytes() {
        let ids = [
            "abcdefgh", "abcdefgha", "abcdefgh-2", "abcdefgh-1", "é", "", "a", "abcdefg", "abcdefgi", "ab\u{0}", "ab",
            "Z",
        ]
        let state = state([(10, .success(.list(InstanceList(instances: ids.map { instance($0, .working) }))))])
        #expect(state.instances.map(\.instance.id) == ids.sorted { $0.utf8.lexicographicallyPrecedes($1.utf8) })
    }

    @Test func countsHaveEveryStatus() {
        let state = state([(10, good(instance("a", .working), instance("b", .unknown), instance("c", .unknown)))])
        #expect(InstanceStatus.allCases.allSatisfy { state.counts[$0] == [.working: 1, .unknown: 2][$0] ?? 0 })
        #expect(state.counts[.working] == 1 && state.counts[.unknown] == 2 && state.counts[.failed] == 0)
        #expect(state.counts.total == 3)
        #expect(state.unknownStatuses == 2)
    }

    @Test func unknownStatusesAddUpOverPolls() {
        let list = good(instance("a", .unknown))
        #expect(state([(10, list), (20, list), (30, bad), (40, list)]).unknownStatuses == 3)
    }

    @Test func rateLimitsAreThoseOfTheLastAnswer() {
        let limited = Result<ListResponse, APIError>.success(
            .list(InstanceList(rateLimit: RateLimit(limit: 60, remaining: 5))))
        #expect(state([(10, limited)]).rateLimit.remaining == 5)
        #expect(state([(10, limited), (20, bad)]).rateLimit == RateLimit())
        let refused = APIError(.rateLimited, "no", rateLimit: RateLimit(limit: 60, remaining: 0))
        #expect(state([(10, limited), (20, .failure(refused))]).rateLimit.remaining == 0)
    }
}
