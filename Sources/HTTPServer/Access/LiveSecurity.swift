public import Logging
import NIOCore
import Synchronization

/// The security settings in force, which may be replaced while a server is using them.
///
/// New connections and new requests follow the newest settings; connections that are open keep their certificates, but
/// end after the request under way where the rules of TLS have changed.
public final class LiveSecurity: Sendable {
    /// Settings put to use.
    struct Current: Sendable {
        let settings: WebSecurity
        let tls: LiveTLS?
        let access: AccessControl
    }

    private let state: Mutex<Current>
    private let logger: Logger
    private let interval: TimeAmount
    let observers = TLSRulesObservers()

    /// Puts settings to use, and loads their files. Throws `WebSecurityError`.
    public convenience init(_ settings: WebSecurity, logger: Logger) throws(WebSecurityError) {
        try self.init(settings, interval: .seconds(1), logger: logger)
    }

    init(_ settings: WebSecurity, interval: TimeAmount, logger: Logger) throws(WebSecurityError) {
        self.logger = logger
        self.interval = interval
        state = Mutex(
            try Self.prepare(settings, old: nil, interval: interval, observers: observers, logger: logger))
    }

    /// The settings in force.
    public var settings: WebSecurity { current.settings }

    var current: Current { state.withLock { $0 } }

    /// The rules for connections.
    var rules: TLSRules { current.tls?.rules ?? .plain }

    /// Reads certificates again whose files have changed, as each new connection does. Blocks on files.
    public func refresh() {
        current.tls?.refresh()
    }

    /// Puts other settings to use. Throws `WebSecurityError`, and then changes nothing.
    ///
    /// Blocks while files are read. What is the same as before keeps what it has learned: the rate limit its count,
    /// unchanged users the passwords seen.
    public func replace(with settings: WebSecurity) throws(WebSecurityError) {
        let old = rules
        let new = try Self.prepare(
            settings, old: current, interval: interval, observers: observers, logger: logger)
        state.withLock { $0 = new }
        if rules != old {
            observers.announceChange()
        }
    }

    /// Throws what `replace` would throw, changing nothing: for a check of settings alone.
    public static func check(_ settings: WebSecurity) throws(WebSecurityError) {
        _ = try AccessControl(settings, old: nil)
        if let tls = settings.tls {
            _ = try TLSSetup(tls)
        }
    }

    private static func prepare(
        _ settings: WebSecurity, old: Current?, interval: TimeAmount, observers: TLSRulesObservers, logger: Logger
    ) throws(WebSecurityError) -> Current {
        let access = try AccessControl(settings, old: old?.access)
        guard let options = settings.tls else {
            return Current(settings: settings, tls: nil, access: access)
        }
        // Files are read again even where the options are as before: the owner asked for it.
        let tls = try LiveTLS(options, interval: interval, observers: observers, logger: logger)
        return Current(settings: settings, tls: tls, access: access)
    }
}
