import Basics
public import Logging
import Synchronization

/// The security settings in force, which may be replaced while a server is using them.
///
/// New connections and new requests follow the newest settings. Open connections keep their certificates, but end
/// after the request under way if the rules of TLS have changed.
public final class LiveSecurity: Sendable {
    /// The settings in force, and the objects made of them.
    struct Current: Sendable {
        let access: AccessControl
        /// `nil` for plain HTTP.
        let tls: TLSSetup?

        init(_ settings: WebSecurity, old: AccessControl? = nil) throws(CertificateError) {
            access = AccessControl(settings, old: old)
            tls = try settings.tls.map { options throws(CertificateError) in
                try TLSSetup(options, judgesRequests: !settings.authExemptPaths.isEmpty)
            }
        }
    }

    private struct State {
        var current: Current
        var rulesChanged: (@Sendable (TLSRules?) -> Void)?
    }

    private let state: Mutex<State>
    /// The fingerprints of the certificates' files before they were last read. Locked while they are.
    private let fingerprints: Mutex<[FileFingerprint?]>
    private let logger: Logger

    /// Puts settings into force, and loads their files. Blocks on them.
    public init(_ settings: WebSecurity, logger: Logger) throws(CertificateError) {
        self.logger = logger
        fingerprints = Mutex(settings.tls?.fingerprints ?? [])
        state = Mutex(State(current: try Current(settings)))
    }

    /// The settings in force.
    public var settings: WebSecurity { current.access.settings }

    var current: Current { state.withLock { $0.current } }

    /// Sets what is called with the rules of TLS whenever they have changed. It must not block.
    func onNewRules(_ action: @escaping @Sendable (TLSRules?) -> Void) {
        state.withLock { $0.rulesChanged = action }
    }

    /// Puts other settings into force, unless it throws. Blocks on the files that they name.
    ///
    /// Rate limits and users that stay the same keep their count and the passwords seen.
    public func replace(with settings: WebSecurity) throws(CertificateError) {
        try fingerprints.withLock { fingerprints throws(CertificateError) in
            let new = settings.tls?.fingerprints ?? []
            // Files are read again even if the options are as before: the user asked for it.
            put(try Current(settings, old: current.access))
            fingerprints = new
        }
    }

    /// Reads certificates again if their files have changed. Blocks on the files.
    ///
    /// A file that cannot be used leaves the certificates as they are, and is logged once.
    public func refresh() {
        fingerprints.withLock { fingerprints in
            let new = settings.tls?.fingerprints ?? []
            guard new != fingerprints else { return }
            fingerprints = new
            do {
                put(try Current(settings, old: current.access))
                logger.info("TLS certificates reloaded")
            } catch {
                logger.error(
                    "TLS certificate reload failed; keeping the previous certificates",
                    metadata: ["error": "\(error)"])
            }
        }
    }

    private func put(_ new: Current) {
        state.withLock { state in
            let old = state.current
            state.current = new
            if new.tls?.rules != old.tls?.rules { state.rulesChanged?(new.tls?.rules) }
        }
    }
}
