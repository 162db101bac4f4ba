import Logging
import NIOCore
import NIOPosix
import Synchronization

/// The certificates in use: those last read, and read again when their files change.
final class LiveTLS: Sendable {
    private struct State {
        var setup: TLSSetup
        /// Of the files as they were before they were last read, whether that went well or not.
        var fingerprints: [PEMFile.Fingerprint?]
        var nextLook: NIODeadline
        var isLooking = false
    }

    let options: TLSOptions
    private let interval: TimeAmount
    private let logger: Logger
    private let observers: TLSRulesObservers
    private let files: [PEMFile]
    private let state: Mutex<State>

    /// Loads what the options name. Files are looked at again for a new connection, at most once an interval.
    ///
    /// `observers` are told where that has changed the rules.
    init(
        _ options: TLSOptions, interval: TimeAmount, observers: TLSRulesObservers, logger: Logger
    ) throws(WebSecurityError) {
        self.options = options
        self.observers = observers
        self.interval = interval
        self.logger = logger
        let files = [options.certificate, options.key, options.clientCA].compactMap { $0?.file }
        self.files = files
        // Before the content: a file that changes in between is then read once more.
        let fingerprints = files.map(\.fingerprint)
        let setup = try TLSSetup(options)
        state = Mutex(State(setup: setup, fingerprints: fingerprints, nextLook: .now() + interval))
    }

    /// The rules for new connections.
    var rules: TLSRules { state.withLock { $0.setup.rules } }

    /// Returns the setup for a new connection. Blocking work is done on a thread of its own.
    func setup(on eventLoop: any EventLoop) -> EventLoopFuture<TLSSetup> {
        let (setup, looks) = beginLook()
        guard looks || setup.asksForCertificate else { return eventLoop.makeSucceededFuture(setup) }
        return NIOThreadPool.singleton.runIfActive(eventLoop: eventLoop) {
            let newest = looks ? self.look() : setup
            return newest.asksForCertificate ? try newest.forOneConnection() : newest
        }
    }

    /// Looks at the files if that is due. Blocks on them.
    func refresh() {
        if beginLook().looks {
            _ = look()
        }
    }

    private func beginLook() -> (setup: TLSSetup, looks: Bool) {
        state.withLock { state in
            let looks = !files.isEmpty && !state.isLooking && state.nextLook <= .now()
            if looks {
                state.isLooking = true
            }
            return (state.setup, looks)
        }
    }

    /// Reads the files if they have changed; what cannot be used leaves the setup as it was, and is logged once.
    private func look() -> TLSSetup {
        let fingerprints = files.map(\.fingerprint)
        let hasChanged = state.withLock { $0.fingerprints != fingerprints }
        var new: TLSSetup?
        if hasChanged {
            do {
                new = try TLSSetup(options)
                logger.info("Read the changed TLS certificates")
            } catch {
                logger.error(
                    "The changed TLS certificates cannot be used; the old ones stay", metadata: ["error": "\(error)"])
            }
        }
        let (setup, haveRulesChanged) = state.withLock { state in
            let old = state.setup.rules
            state.fingerprints = fingerprints
            state.setup = new ?? state.setup
            state.nextLook = .now() + interval
            state.isLooking = false
            return (state.setup, state.setup.rules != old)
        }
        if haveRulesChanged {
            observers.announceChange()
        }
        return setup
    }
}
