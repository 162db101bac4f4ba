import Testing

@testable import Simulator

@Suite struct SimulatedAccountTests {
    @Test(arguments: [0, 1, 59, 3600, 86_400])
    func elapsedTimeDeterminesEverythingInWhateverSteps(seconds: Int) {
        var leap = SimulatedAccount(instances: 30, seed: 7)
        var walk = leap
        leap.advance(to: .seconds(seconds))
        var time = Duration.zero
        while time < .seconds(seconds) {
            time = min(time + .milliseconds(7919 * (1 + seconds / 600)), .seconds(seconds))
            walk.advance(to: time)
        }
        #expect(leap.instances == walk.instances)
    }

    @Test func timeDoesNotRunBack() {
        var account = SimulatedAccount(instances: 30, seed: 7)
        account.advance(to: .seconds(1000))
        let before = account.instances
        account.advance(to: .seconds(10))
        #expect(account.instances == before)
        #expect(account.elapsed == .seconds(1000))
    }

    @Test func anInstanceDoesNotDependOnHowManyOthersThereAre() {
        var small = SimulatedAccount(instances: 5, seed: 3)
        var large = SimulatedAccount(instances: 500, seed: 3)
        small.advance(to: .seconds(900))
        large.advance(to: .seconds(900))
        #expect(small.instances == Array(large.instances.prefix(5)))
    }

    @Test func anotherSeedIsAnotherAccount() {
        let first = Set(SimulatedAccount(instances: 50, seed: 1).instances.map(\.id))
        let second = Set(SimulatedAccount(instances: 50, seed: 2).instances.map(\.id))
        #expect(first.isDisjoint(with: second))
    }

    @Test(arguments: UInt64(1)...8)
    func everyStatusAppearsWithinMinutesAndMostInstancesWork(seed: UInt64) {
        var account = SimulatedAccount(instances: 12, seed: seed)
        var previous = account.instances
        var seen = Set(previous.map(\.status))
        var changes = 0
        var working = 0
        for second in 1...3600 {
            account.advance(to: .seconds(second))
            let now = account.instances
            if second <= 180 { seen.formUnion(now.map(\.status)) }
            changes += zip(previous, now).count { $0.status != $1.status }
            working += now.count { $0.status == .working }
            previous = now
        }
        #expect(seen == Set(SimulatedStatus.allCases))
        #expect((12...35).contains(3600.0 / Double(changes)), "a change every 20 s or so")
        #expect(Double(working) / (3600 * 12) > 0.8)
    }

    @Test func fieldsHaveTheDocumentedShapes() throws {
        let instances = SimulatedAccount(instances: 300, seed: 11).instances
        let uuid = /[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}/
        for instance in instances {
            #expect(try uuid.wholeMatch(in: instance.id) != nil)
            #expect(try /\+[1-9][0-9]{7,14}/.wholeMatch(in: instance.phone) != nil)
            #expect(
                try /202[45]-(0[1-9]|1[0-2])-[0-3][0-9]T[0-2][0-9](:[0-5][0-9]){2}/.wholeMatch(in: instance.createdAt)
                    != nil)
            #expect((1...50).contains(instance.name.count))
            if let token = instance.accessToken {
                #expect(try /[0-9]+\|[A-Za-z0-9]{48}/.wholeMatch(in: token) != nil)
            }
        }
        #expect(Set(instances.map(\.id)).count == 300)
        #expect(Set(instances.map(\.name)).count == 300)
        #expect(Set(instances.map(\.phone)).count == 300)
        #expect(Set(instances.compactMap(\.accessToken)).count == instances.count { $0.accessToken != nil })
        #expect(instances.contains { !$0.name.utf8.allSatisfy { $0 < 0x80 } })
    }

    @Test func tokensFollowTheConnection() {
        var account = SimulatedAccount(instances: 1, seed: 1)
        let expected: [(SimulatedStatus, hasToken: Bool)] = [
            (.working, true), (.failed, true), (.starting, true), (.scanQRCode, false), (.failed, false),
            (.working, true), (.stopped, true),
        ]
        for (status, hasToken) in expected {
            account.setStatus(status, at: 0)
            #expect(account[0].status == status)
            #expect((account[0].accessToken != nil) == hasToken, "\(status)")
        }
    }

    @Test func aStatusSetByHandStaysOnlyWhereHeld() {
        var account = SimulatedAccount(instances: 2, seed: 1)
        account.setStatus(.failed, at: 0)
        account.setStatus(.failed, at: 1, hold: false)
        var released: Set<SimulatedStatus> = []
        for minute in 1...60 {
            account.advance(to: .seconds(60 * minute))
            #expect(account[0].status == .failed)
            released.insert(account[1].status)
        }
        #expect(released.count > 1)
    }

    @Test func addedInstancesArePendingAndNew() {
        var account = SimulatedAccount(instances: 3, seed: 1)
        account.advance(to: .seconds(100))
        let removed = account[2].id
        account.remove(at: 2)
        account.add(2)
        #expect(account.count == 4)
        #expect(account.instances.suffix(2).allSatisfy { $0.status == .pending && $0.accessToken == nil })
        #expect(account.index(ofID: removed) == nil)
        #expect(account.index(ofID: account[3].id) == 3)
    }

    @Test(arguments: [0, -1]) func anEmptyAccountStaysEmpty(count: Int) {
        var account = SimulatedAccount(instances: count, seed: 1)
        account.advance(to: .seconds(1_000_000))
        #expect(account.instances.isEmpty)
    }

    @Test(arguments: SimulatedStatus.allCases) func sharesSumToAHundred(status: SimulatedStatus) {
        #expect(status.transitions.next.reduce(0) { $0 + $1.percent } == 100)
        #expect(!status.transitions.next.contains { $0.status == status })
    }
}
