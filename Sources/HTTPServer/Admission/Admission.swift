import Synchronization

#if canImport(Glibc)
    import Glibc
#else
    import Musl
#endif

/// Counts the connections of a server, and says whether there is room for one more.
final class Admission: Sendable {
    private struct State {
        var count = 0
        var isClosing = false
        var waiting: [@Sendable () -> Void] = []
        var emptied: [CheckedContinuation<Void, Never>] = []

        var isEmptied: Bool { isClosing && count == 0 }
    }

    /// Connections open at once, at most.
    let limit: Int

    private let state = Mutex(State())

    init(limit: Int) {
        self.limit = limit
    }

    /// The limit asked for, or less where the process may open few files: a quarter of them, and at least 32, are left
    /// for what else it opens.
    static func limit(asked: Int) -> Int {
        var files = rlimit()
        guard getrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &files) == 0 else { return asked }
        return limit(asked: asked, openFiles: Int(clamping: files.rlim_cur))
    }

    static func limit(asked: Int, openFiles: Int) -> Int {
        max(1, min(asked, openFiles - max(32, openFiles / 4)))
    }

    /// Whether somebody waits for a place.
    var isAwaited: Bool { state.withLock { !$0.waiting.isEmpty } }

    /// Whether no connection is open.
    var isEmpty: Bool { state.withLock { $0.count == 0 } }

    /// Takes a place, or calls `wake` once when a place may have become free.
    func enter(orWake wake: @escaping @Sendable () -> Void) -> Bool {
        state.withLock { state in
            if state.count < limit {
                state.count += 1
                return true
            }
            state.waiting.append(wake)
            return false
        }
    }

    /// Calls `wake` once when a connection has ended.
    func wait(_ wake: @escaping @Sendable () -> Void) {
        state.withLock { $0.waiting.append(wake) }
    }

    /// Gives a place back.
    func leave() {
        let (waiting, emptied) = state.withLock { state in
            state.count -= 1
            defer { state.waiting = [] }
            return (state.waiting, state.isEmptied ? state.emptied : [])
        }
        for wake in waiting {
            wake()
        }
        for continuation in emptied {
            continuation.resume()
        }
    }

    /// Returns when the last connection has ended. Nobody enters any more: the listeners are closed before.
    func close() async {
        await withCheckedContinuation { continuation in
            let isEmptied = state.withLock { state in
                state.isClosing = true
                if !state.isEmptied {
                    state.emptied.append(continuation)
                }
                return state.isEmptied
            }
            if isEmptied {
                continuation.resume()
            }
        }
    }
}
