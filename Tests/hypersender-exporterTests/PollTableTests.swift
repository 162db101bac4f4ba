import HypersenderAPI
import Testing

@testable import Monitoring
@testable import hypersender_exporter

struct PollTableTests {
    private func account(_ name: String?, _ error: APIError? = nil) -> AccountState {
        var state = AccountState(AccountOptions(name: name, interval: .seconds(30), staleAfter: .seconds(90)))
        if let error {
            state.record(
                .failure(error), started: Moment(unix: 0, uptime: .zero),
                ended: Moment(unix: 1, uptime: .zero))
        }
        return state
    }

    @Test func tellsOfEachAccountInALine() {
        let accounts = [
            account("acme"), account("café"),
            account("globex", APIError(.decode, "the response is no list")),
            account("initech", APIError(.redirect, "the API points elsewhere")),
        ]
        #expect(
            PollTable.text(accounts) == """
                account  result    instances  error
                acme     ok        0
                café     ok        0
                globex   decode    -          the response is no list
                initech  redirect  -          the API points elsewhere
                                              Check the base URL.

                """)
    }

    @Test func namesNoAccountWithoutAName() {
        #expect(
            PollTable.text([account(nil)]) == "account  result  instances  error\n-        ok      0\n")
    }
}
