import NIOCore
import Synchronization

/// Makes room for newcomers: asks every event loop which connections might give way, and has the best of them closed.
final class Relief: Sendable {
    private struct State {
        var wanted = 0
        var isUnderWay = false
        var isEnded = false
    }

    /// What the loops have offered so far in one round.
    private struct Round {
        var offers: [[Eviction.Candidate]]
        var missing: Int
    }

    /// The event loops of all connections.
    var eventLoops: [any EventLoop] { loops.map(\.eventLoop) }

    private let loops: [NIOLoopBound<LoopContext>]
    private let admission: Admission
    private let eviction: Eviction
    private let state = Mutex(State())

    init(loops: [NIOLoopBound<LoopContext>], admission: Admission) {
        self.loops = loops
        self.admission = admission
        eviction = Eviction(grace: Eviction.grace(places: admission.limit))
    }

    /// Makes room for so many, as soon as some connections may be closed. Those who wait are woken by the `Admission`.
    ///
    /// Of many places some are made free at once, before more ask: each round looks at every connection.
    func ask(for wanted: Int) {
        let wanted = max(wanted, admission.limit / 128)
        let starts = state.withLock { state in
            guard !state.isEnded else { return false }
            state.wanted = max(state.wanted, wanted)
            defer { state.isUnderWay = true }
            return !state.isUnderWay
        }
        if starts {
            look(for: wanted)
        }
    }

    /// Closes nothing more and leaves the event loops alone.
    func end() {
        state.withLock { $0.isEnded = true }
    }

    private var isEnded: Bool { state.withLock { $0.isEnded } }

    private func look(for wanted: Int) {
        let round = Shared(Round(offers: loops.map { _ in [] }, missing: loops.count))
        for (number, loop) in loops.enumerated() {
            loop.eventLoop.execute {
                let offer = loop.value.candidates(wanted)
                let offers = round.value.withLock { round in
                    round.offers[number] = offer
                    round.missing -= 1
                    return round.missing == 0 ? round.offers : nil
                }
                if let offers {
                    self.decide(offers, on: loop.eventLoop)
                }
            }
        }
    }

    private func decide(_ offers: [[Eviction.Candidate]], on eventLoop: any EventLoop) {
        // Whoever begins to wait asks after that: either it is seen here, or its asking begins a round.
        let wanted = state.withLock { state in
            guard admission.isAwaited, !state.isEnded else {
                state.isUnderWay = false
                return 0
            }
            return state.wanted
        }
        guard wanted > 0 else { return }
        switch eviction.decide(offers, wanted: wanted, now: eventLoop.now) {
        case .lookAgain(let time):
            eventLoop.scheduleTask(deadline: time) {
                if !self.isEnded {
                    self.look(for: wanted)
                }
            }
        case .close(let counts):
            state.withLock { state in
                state.wanted = 0
                state.isUnderWay = false
            }
            for (loop, count) in zip(loops, counts) where count > 0 {
                loop.eventLoop.execute {
                    let closed = loop.value.evict(count, by: self.eviction, now: loop.eventLoop.now)
                    if closed < count {
                        // Some have found something to do meanwhile.
                        self.ask(for: count - closed)
                    }
                }
            }
        }
    }
}

/// A value that several closures share.
private final class Shared<Value: Sendable>: Sendable {
    let value: Mutex<Value>

    init(_ value: Value) {
        self.value = Mutex(value)
    }
}
