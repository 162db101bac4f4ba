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
            date = (second, HTTPDate(unixSeconds: second).description)
        }
        return date.text
    }

    func add(_ connection: ConnectionHandler) {
        connections[ObjectIdentifier(connection)] = connection
    }

    func remove(_ connection: ConnectionHandler) {
        connections[ObjectIdentifier(connection)] = nil
    }

    /// Closes what is idle and lets the rest end its work; also connections that are added later.
    func drain() {
        isDraining = true
        for connection in connections.values {
            connection.drain()
        }
    }

    /// Closes every connection.
    func closeAll() {
        isDraining = true
        for connection in connections.values {
            connection.close()
        }
    }
}
