import NIOCore

/// Which connections give way to newcomers once every place is taken. Decides only.
///
/// First those without a request, the longest idle before the others; then those whose request has not arrived in
/// full, the longest-waiting first, each after a grace; then those whose client has long taken nothing of its answer. One
/// that is being answered, and goes on, never gives way.
struct Eviction {
    /// A connection that may give way.
    struct Candidate: Equatable, Comparable, Sendable {
        enum Kind: Int, Sendable {
            /// Kept alive between two requests.
            case idle
            /// Accepted or asking, but its request is not there in full.
            case unfinished
            /// Being answered, but its client takes nothing.
            case stalled
        }

        let kind: Kind
        /// Since when it has been in this state.
        let since: NIODeadline

        static func < (first: Candidate, second: Candidate) -> Bool {
            (first.kind.rawValue, first.since) < (second.kind.rawValue, second.since)
        }
    }

    enum Decision: Equatable {
        /// Close so many of the best candidates of each event loop, in the order the loops were given.
        case close([Int])
        case lookAgain(at: NIODeadline)
    }

    /// How soon to look again, at the latest, where no connection may be closed yet.
    static let pause = TimeAmount.milliseconds(20)

    /// Time for an unfinished request to arrive while newcomers wait.
    let grace: TimeAmount

    /// Time for a client to take some of its answer while newcomers wait: a second where there are many places.
    var stallGrace: TimeAmount { .nanoseconds(grace.nanoseconds * 4) }

    /// The grace of a server with so many places: 20 ms for few of them, 250 ms for many.
    ///
    /// Newcomers pass through the places one after the other, so few places must be left sooner for the last of a
    /// crowd to be let in as soon.
    static func grace(places: Int) -> TimeAmount {
        .microseconds(min(250_000, max(20_000, Int64(places) * 100)))
    }

    /// What to do so that `wanted` newcomers find a place; each loop offers its best candidates.
    func decide(_ offers: [[Candidate]], wanted: Int, now: NIODeadline) -> Decision {
        let all = offers.enumerated().flatMap { loop, offer in offer.map { (loop: loop, candidate: $0) } }
        let ripe = all.filter { isRipe($0.candidate, now: now) }
        guard !ripe.isEmpty else {
            let soonest = all.map { ripens($0.candidate) }.min()
            return .lookAgain(at: min(soonest ?? .distantFuture, now + Self.pause))
        }
        var counts = [Int](repeating: 0, count: offers.count)
        for (loop, _) in ripe.sorted(by: { $0.candidate < $1.candidate }).prefix(wanted) {
            counts[loop] += 1
        }
        return .close(counts)
    }

    /// Whether the connection may be closed now.
    func isRipe(_ candidate: Candidate, now: NIODeadline) -> Bool {
        ripens(candidate) <= now
    }

    private func ripens(_ candidate: Candidate) -> NIODeadline {
        switch candidate.kind {
        case .idle: candidate.since
        case .unfinished: candidate.since + grace
        case .stalled: candidate.since + stallGrace
        }
    }
}
