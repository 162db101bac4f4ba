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
    private let files: [PEMFile]
    private let state: Mutex<State>

    /// Loads what the options name. Files are looked at again for a new connection, at most once an interval.
    init(_ options: TLSOptions, interval: TimeAmount, logger: Logger) throws(WebSecurityError) {
        self.options = options
        self.interval = interval
        self.logger = logger
        let files = [options.certificate, options.key, options.clientCA].compactMap { $0?.file }
        self.files = files
        // Before the content: a file that changes in between is then read once more.
        let fingerprints = files.map(\.fingerprint)
        let setup = try TLSSetup(options)
        state = Mutex(State(setup: setup, fingerprints: fingerprints, nextLook: .now() + interval))
    }

    /// What to serve a new connection with. Files are looked at on a thread of their own.
    func setup(on eventLoop: any EventLoop) -> EventLoopFuture<TLSSetup> {
        let (setup, looks) = state.withLock { state in
            let looks = !files.isEmpty && !state.isLooking && state.nextLook <= .now()
            if looks {
                state.isLooking = true
            }
            return (state.setup, looks)
        }
        guard looks else { return eventLoop.makeSucceededFuture(setup) }
        return NIOThreadPool.singleton.runIfActive(eventLoop: eventLoop) { self.look() }
            .recover { _ in setup }
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
        return state.withLock { state in
            state.fingerprints = fingerprints
            state.setup = new ?? state.setup
            state.nextLook = .now() + interval
            state.isLooking = false
            return state.setup
        }
    }
}
