import Exposition
import Testing

@testable import HypersenderAPI
@testable import Monitoring

/// Labels of the user's own on the series of an account.
struct AccountLabelsTests {
    private func list(_ status: InstanceStatus) -> Result<ListResponse, APIError> {
        .success(.list(InstanceList(instances: [Instance(id: "i", name: "n", status: status)])))
    }

    private func moment(_ seconds: Double) -> Moment {
        Moment(unix: 1_000_000 + seconds, uptime: .seconds(seconds))
    }

    private func page(_ state: AccountState) -> String {
        SnapshotTests().page(Snapshot(accounts: [state]))
    }

    @Test func areOnAllSeriesAfterTheAccountSortedByName() {
        let labels = ["team": "s\"1\n", "customer": "Ä", "Z": "z"]
        for (name, text) in [("acme", #"account="acme",Z="z",customer="Ä",team="s\"1\n""#), (nil, "Z=\"z\",customer=")]
        {
            var state = AccountState(
                AccountOptions(name: name, labels: labels, interval: .seconds(60), staleAfter: .seconds(180)))
            state.record(list(.working), started: moment(1), ended: moment(2))
            let lines = page(state).split(separator: "\n").filter { !$0.hasPrefix("#") }
            #expect(lines.count > 50)
            for line in lines {
                #expect(line.contains("{\(text)"), "\(line)")
            }
        }
    }

    @Test func otherLabelsMakeOtherSeriesWithTheSameHistory() {
        func options(_ labels: [String: String], interval: Duration = .seconds(60)) -> AccountOptions {
            AccountOptions(name: "acme", labels: labels, interval: interval, staleAfter: interval * 3)
        }
        func with(_ labels: [String: String]) -> AccountState {
            var state = AccountState(options(labels))
            state.record(list(.working), started: moment(1), ended: moment(2))
            state.record(list(.failed), started: moment(3), ended: moment(4))
            return state
        }
        let state = with(["customer": "A"])
        let same = state.with(options(["customer": "A"], interval: .seconds(30)))
        #expect(same.groups.first === state.groups.first && same.options.interval == .seconds(30))
        for labels in [["customer": "B"], ["team": "x", "customer": "A"], [:]] {
            var other = state.with(options(labels))
            #expect(page(other) == page(with(labels)) && page(other) != page(state))
            #expect(other.instances == state.instances && other.instances.first?.statusChanges == 1)
            // The next poll goes on with them.
            var expected = with(labels)
            other.record(list(.working), started: moment(5), ended: moment(6))
            expected.record(list(.working), started: moment(5), ended: moment(6))
            #expect(page(other) == page(expected) && other.instances.first?.statusChanges == 2)
        }
    }
}
