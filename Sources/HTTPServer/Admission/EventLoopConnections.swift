import Basics
import Glibc
import NIOCore

/// The connections of one event loop, and the `Date` of their responses.
final class EventLoopConnections {
    /// A connection that may be evicted.
    typealias Offer = (candidate: EvictionPolicy.Candidate, connection: NIOLoopBound<ConnectionHandler>)

    private var connections: [ObjectIdentifier: ConnectionHandler] = [:]
    private(set) var isDraining = false
    private(set) var isClosed = false
    private let eventLoop: any EventLoop
    private let clock: () -> Int
    private var date: (second: Int, text: String) = (-1, "")

    /// - Parameter clock: tells the seconds since 1970.
    init(on eventLoop: any EventLoop, clock: @escaping () -> Int = { time(nil) }) {
        self.eventLoop = eventLoop
        self.clock = clock
    }

    /// The value of a `Date` field, rendered once a second.
    var currentDate: String {
        let second = clock()
        if second != date.second { date = (second, UTCTime(Double(second)).httpDate) }
        return date.text
    }

    func add(_ connection: ConnectionHandler) {
        connections[ObjectIdentifier(connection)] = connection
    }

    func remove(_ connection: ConnectionHandler) {
        connections[ObjectIdentifier(connection)] = nil
    }

    /// Returns the best `count` candidates for eviction. Looks at all connections, but only while newcomers wait.
    func offers(_ count: Int) -> [Offer] {
        let offers = connections.values.compactMap { connection in
            connection.candidate.map { ($0, NIOLoopBound(connection, eventLoop: eventLoop)) }
        }
        return Array(offers.sorted { $0.0 < $1.0 }.prefix(count))
    }

    /// Completes when every connection has closed that is open now.
    var closed: EventLoopFuture<Void> {
        .andAllComplete(connections.values.compactMap(\.closed), on: eventLoop)
    }

    /// Closes idle connections and lets the others end their work; also those that are added later.
    func drain() {
        isDraining = true
        connections.values.forEach { $0.drain() }
    }

    /// Ends the connections made under other rules than these, each after the request under way.
    func drain(unlessUnder rules: TLSRules?) {
        connections.values.filter { $0.rules != rules }.forEach { $0.drain() }
    }

    /// Closes every connection; also those that are added later.
    func closeAll() {
        isDraining = true
        isClosed = true
        connections.values.forEach { $0.close() }
    }
}
