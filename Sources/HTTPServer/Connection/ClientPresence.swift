import Synchronization

/// A mark that the client of a connection has closed its side; most such clients have gone away.
final class ClientPresence: Sendable, Equatable {
    private let left = Atomic(false)

    var hasLeft: Bool { left.load(ordering: .relaxed) }

    func leave() {
        left.store(true, ordering: .relaxed)
    }

    static func == (first: ClientPresence, second: ClientPresence) -> Bool {
        first === second
    }
}
