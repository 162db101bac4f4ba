import NIOSSL
import Synchronization

/// The rules that decide which connections are served: everything about TLS but the server's own certificate.
///
/// A connection made under other rules than those in force ends after the request under way.
struct TLSRules: Sendable, Equatable {
    /// Those of plain HTTP.
    static let plain = TLSRules(options: nil, clientCA: [])

    private let options: TLSOptions?
    private let clientCA: [NIOSSLCertificate]

    /// Rules of these options, whose client CA has been loaded.
    init(_ options: TLSOptions, clientCA: [NIOSSLCertificate]) {
        var rest = options
        (rest.certificate, rest.key, rest.clientCA) = (.inline(""), .inline(""), nil)
        self.init(options: rest, clientCA: clientCA)
    }

    private init(options: TLSOptions?, clientCA: [NIOSSLCertificate]) {
        self.options = options
        self.clientCA = clientCA
    }
}

/// The servers to be told that the rules have changed.
final class TLSRulesObservers: Sendable {
    private struct State {
        var next = 0
        var actions: [Int: @Sendable () -> Void] = [:]
    }

    private let state = Mutex(State())

    /// Calls `action` after each change, until `remove` is called with the number returned.
    func add(_ action: @escaping @Sendable () -> Void) -> Int {
        state.withLock { state in
            state.next += 1
            state.actions[state.next] = action
            return state.next
        }
    }

    func remove(_ number: Int) {
        state.withLock { $0.actions[number] = nil }
    }

    func announceChange() {
        for action in state.withLock({ Array($0.actions.values) }) {
            action()
        }
    }
}
