import NIOCore
import Testing

@testable import HTTPServer

@Suite struct EvictionPolicyTests {
    private typealias Candidate = EvictionPolicy.Candidate
    private let policy = EvictionPolicy(maximumConnections: 4096)

    private static func at(_ millisecond: Int64) -> NIODeadline { .uptimeNanoseconds(0) + .milliseconds(millisecond) }

    private static func idle(_ since: Int64) -> Candidate { Candidate(kind: .idle, since: at(since)) }

    private static func unfinished(_ since: Int64) -> Candidate { Candidate(kind: .unfinished, since: at(since)) }

    private static func stalled(_ since: Int64) -> Candidate { Candidate(kind: .stalled, since: at(since)) }

    private static let cases: [([Candidate], Int, EvictionPolicy.Decision)] = [
        // The longest idle, however short that is.
        ([idle(900), idle(800)], 1, .close([1])),
        ([idle(1000)], 1, .close([0])),
        // Idle before slow, even before the slowest.
        ([unfinished(0), idle(999)], 1, .close([1])),
        ([unfinished(0), idle(999)], 2, .close([1, 0])),
        // As many as wanted, and no more.
        ([idle(1), idle(4), idle(2), idle(3)], 3, .close([0, 2, 3])),
        ([idle(1), idle(2), idle(3), idle(4)], 2, .close([0, 1])),
        // A request that has not arrived has its grace.
        ([unfinished(750)], 1, .close([0])),
        ([unfinished(751), unfinished(760)], 1, .lookAgain(at: at(1001))),
        ([unfinished(999)], 1, .lookAgain(at: at(1020))),
        ([unfinished(700), unfinished(999)], 2, .close([0])),
        // A client that takes nothing of its response has a second, and is the last to go.
        ([stalled(0), unfinished(750)], 1, .close([1])),
        ([stalled(0), unfinished(751)], 1, .close([0])),
        ([stalled(1)], 1, .lookAgain(at: at(1001))),
        // Nothing but connections being answered.
        ([], 4, .lookAgain(at: at(1020))),
    ]

    @Test(arguments: cases)
    private func decision(candidates: [Candidate], wanted: Int, decision: EvictionPolicy.Decision) {
        #expect(policy.decide(candidates, wanted: wanted, now: Self.at(1000)) == decision)
    }

    @Test(arguments: [(1, 20), (32, 20), (768, 76), (4096, 250), (100_000, 250)])
    func graceFollowsTheLimit(connections: Int, milliseconds: Int64) {
        #expect(EvictionPolicy(maximumConnections: connections).grace.nanoseconds / 1_000_000 == milliseconds)
    }
}
