import Glibc
import NIOCore
import Synchronization

/// Counts the connections of a server and, once they are too many, evicts some for those that wait.
final class ConnectionLimit: Sendable {
    private struct State {
        var count = 0
        /// Called once a connection has ended.
        var waiting: [@Sendable () -> Void] = []
        var wanted = 0
        var isEvicting = false
        var isEnded = false
    }

    let maximum: Int
    private let loops: [NIOLoopBound<EventLoopConnections>]
    private let policy: EvictionPolicy
    private let state = Mutex(State())

    init(maximum: Int, loops: [NIOLoopBound<EventLoopConnections>]) {
        self.maximum = maximum
        self.loops = loops
        policy = EvictionPolicy(maximumConnections: maximum)
    }

    /// Returns `asked`, or less if the process may open few files.
    static func maximum(asked: Int) -> Int {
        var files = rlimit()
        guard getrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &files) == 0 else { return asked }
        return maximum(asked: asked, openFiles: Int(clamping: files.rlim_cur))
    }

    /// Leaves a quarter of the files, and at least 32, for what else the process opens.
    static func maximum(asked: Int, openFiles: Int) -> Int {
        max(1, min(asked, openFiles - max(32, openFiles / 4)))
    }

    /// Takes a place, or makes `wanted` places free and calls `wake` once when one may be.
    func enter(wanted: Int, orWake wake: @escaping @Sendable () -> Void) -> Bool {
        let hasEntered = state.withLock { state in
            if state.count < maximum {
                state.count += 1
                return true
            }
            state.waiting.append(wake)
            return false
        }
        if !hasEntered { evict(wanted) }
        return hasEntered
    }

    /// Calls `wake` once when a connection has ended, and evicts one.
    func wait(_ wake: @escaping @Sendable () -> Void) {
        state.withLock { $0.waiting.append(wake) }
        evict(1)
    }

    /// Gives a place back.
    func leave() {
        let waiting = state.withLock { state in
            state.count -= 1
            defer { state.waiting = [] }
            return state.waiting
        }
        waiting.forEach { $0() }
    }

    /// Evicts nobody from now on.
    func endEvicting() {
        state.withLock { $0.isEnded = true }
    }

    // MARK: Eviction

    /// Makes this many places free, as soon as connections may be closed.
    private func evict(_ count: Int) {
        // Each round looks at every connection: of many, several are closed at once.
        let count = max(count, maximum / 128)
        let begins = state.withLock { state in
            state.wanted = max(state.wanted, count)
            defer { state.isEvicting = true }
            return !state.isEvicting
        }
        if begins { look(for: count) }
    }

    private func look(for count: Int) {
        guard let home = loops.first?.eventLoop else { return }
        let offers = loops.map { loop in loop.eventLoop.submit { loop.value.offers(count) } }
        EventLoopFuture.whenAllSucceed(offers, on: home).whenSuccess { offers in
            self.decide(offers.flatMap(\.self), on: home)
        }
    }

    private func decide(_ offers: [EventLoopConnections.Offer], on home: any EventLoop) {
        // Whoever begins to wait calls `evict` after that: it is seen here, or begins a round.
        let wanted = state.withLock { state in
            state.isEvicting = !state.waiting.isEmpty && !state.isEnded
            if !state.isEvicting { state.wanted = 0 }
            return state.wanted
        }
        guard wanted > 0 else { return }
        switch policy.decide(offers.map(\.candidate), wanted: wanted, now: home.now) {
        case .lookAgain(let time):
            home.scheduleTask(deadline: time) { self.look(for: wanted) }
        case .close(let places):
            state.withLock { state in
                state.wanted = 0
                state.isEvicting = false
            }
            places.forEach { close(offers[$0].connection) }
        }
    }

    private func close(_ connection: NIOLoopBound<ConnectionHandler>) {
        connection.eventLoop.execute {
            // It may have found something to do meanwhile.
            let isRipe = connection.value.candidate.map { self.policy.isRipe($0, now: connection.eventLoop.now) }
            isRipe == true ? connection.value.close() : self.evict(1)
        }
    }
}
