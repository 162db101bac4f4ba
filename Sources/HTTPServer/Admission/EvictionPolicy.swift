import NIOCore

/// Chooses the connections to close for newcomers once the limit is reached. Decides only.
///
/// First those without a request, the longest idle before the others. Then those whose request has not arrived in full,
/// the longest waiting first, each after a grace. Then those whose client has long taken nothing of its response. A
/// connection whose response makes progress is never closed.
struct EvictionPolicy {
    /// A connection that may be closed.
    struct Candidate: Equatable, Comparable {
        enum Kind: Comparable {
            /// Kept alive between two requests.
            case idle
            /// Accepted or asking, but its request is not there in full.
            case unfinished
            /// Being answered, but its client takes nothing.
            case stalled
        }

        let kind: Kind
        /// The time at which it entered this state.
        let since: NIODeadline

        static func < (first: Candidate, second: Candidate) -> Bool {
            (first.kind, first.since) < (second.kind, second.since)
        }
    }

    enum Decision: Equatable {
        /// Close the candidates at these indices.
        case close([Int])
        case lookAgain(at: NIODeadline)
    }

    /// The maximum time until the next look while no connection may be closed.
    static let pause = TimeAmount.milliseconds(20)

    /// The time for a request to arrive in full while newcomers wait; a client has four times as long to take bytes.
    let grace: TimeAmount

    /// The grace is 20 ms for few connections and 250 ms for many.
    ///
    /// Newcomers pass through the places one by one: few must be left sooner, so that the last waits no longer.
    init(maximumConnections: Int) {
        grace = .microseconds(min(250_000, max(20_000, Int64(maximumConnections) * 100)))
    }

    /// Decides how `wanted` newcomers find a place.
    func decide(_ candidates: [Candidate], wanted: Int, now: NIODeadline) -> Decision {
        let ripe = candidates.indices.filter { isRipe(candidates[$0], now: now) }
        guard !ripe.isEmpty else {
            return .lookAgain(at: min(candidates.map(ripens).min() ?? .distantFuture, now + Self.pause))
        }
        return .close(Array(ripe.sorted { candidates[$0] < candidates[$1] }.prefix(wanted)))
    }

    /// Whether the connection may be closed now.
    func isRipe(_ candidate: Candidate, now: NIODeadline) -> Bool {
        ripens(candidate) <= now
    }

    private func ripens(_ candidate: Candidate) -> NIODeadline {
        switch candidate.kind {
        case .idle: candidate.since
        case .unfinished: candidate.since + grace
        case .stalled: candidate.since + .nanoseconds(grace.nanoseconds * 4)
        }
    }
}
