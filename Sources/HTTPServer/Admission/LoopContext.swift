import Basics
import NIOCore

#if canImport(Glibc)
    import Glibc
#else
    import Musl
#endif

/// What the connections of one event loop share: the list of them, and the current `Date`.
final class LoopContext {
    private var connections: [ObjectIdentifier: ConnectionHandler] = [:]
    private(set) var isDraining = false
    private(set) var isClosed = false
    private let clock: () -> Int
    private var date: (second: Int, text: String) = (-1, "")

    /// A context whose clock tells the seconds since 1970.
    init(clock: @escaping () -> Int = { time(nil) }) {
        self.clock = clock
    }

    /// The value of a `Date` field, made anew once a second.
    var currentDate: String {
        let second = clock()
        if second != date.second {
            date = (second, UTCTime(Double(second)).httpDate)
        }
        return date.text
    }

    func add(_ connection: ConnectionHandler) {
        connections[ObjectIdentifier(connection)] = connection
    }

    func remove(_ connection: ConnectionHandler) {
        connections[ObjectIdentifier(connection)] = nil
    }

    /// The connections that might give way to newcomers, the best `count` of them, best first.
    ///
    /// Looks at all: that happens under pressure only, and so nothing has to be kept in order while there is none.
    func candidates(_ count: Int) -> [Eviction.Candidate] {
        best(count).map(\.candidate)
    }

    /// Closes up to `count` of the best candidates; returns how many there were.
    func evict(_ count: Int, by eviction: Eviction, now: NIODeadline) -> Int {
        let ripe = best(count).filter { eviction.isRipe($0.candidate, now: now) }
        for (_, connection) in ripe {
            connection.close()
        }
        return ripe.count
    }

    private func best(_ count: Int) -> [(candidate: Eviction.Candidate, connection: ConnectionHandler)] {
        var best: [(candidate: Eviction.Candidate, connection: ConnectionHandler)] = []
        for connection in connections.values {
            guard let candidate = connection.candidate else { continue }
            if best.count == count {
                guard let last = best.last, candidate < last.candidate else { continue }
                best.removeLast()
            }
            let place = best.firstIndex { candidate < $0.candidate } ?? best.endIndex
            best.insert((candidate, connection), at: place)
        }
        return best
    }

    /// Closes what is idle and lets the rest end its work; also connections that are added later.
    func drain() {
        isDraining = true
        for connection in connections.values {
            connection.drain()
        }
    }

    /// Ends the connections made under other rules than these, each after the request under way.
    func drain(unlessUnder rules: TLSRules) {
        for connection in connections.values {
            connection.drain(unlessUnder: rules)
        }
    }

    /// Closes every connection; also those that are added later.
    func closeAll() {
        isDraining = true
        isClosed = true
        for connection in connections.values {
            connection.close()
        }
    }
}
