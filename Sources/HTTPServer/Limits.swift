/// Limits on what clients may ask of the server, in bytes, numbers and time.
public struct Limits: Sendable, Equatable {
    /// The maximum size of the request target and all header fields together; 431 beyond. Default 16 KiB.
    public var headerBytes = 16 * 1024
    /// The maximum number of header fields in a request; 431 beyond. Default 100.
    public var headerCount = 100
    /// The maximum size of a request's body; 413 beyond. Default 64 KiB.
    public var bodyBytes = 64 * 1024
    /// The maximum number of connections; lower if the process may open fewer files. Default 4,096.
    ///
    /// Further ones wait unaccepted. To make room, the longest idle are closed at once, or else those whose request has
    /// not arrived in full after a grace of 250 ms or less, or else those that take nothing of a response for four such
    /// graces. A response that makes progress is never cut.
    public var connections = 4096
    /// The time for a request to arrive in full; 408 beyond, or a plain close if no byte came. Default 10 s.
    ///
    /// Counted from the moment the connection was accepted or, on one kept alive, from the request's first byte.
    public var requestDeadline = Duration.seconds(10)
    /// The time a connection is kept open between two requests. Default 2 minutes.
    public var idleDeadline = Duration.seconds(120)
    /// The time a response may wait without the client taking any byte of it, to within a quarter. Default 30 s.
    public var writeDeadline = Duration.seconds(30)
    /// The time without the client taking any byte after which a response counts as stalled. Default 1 s.
    public var stallNotice = Duration.seconds(1)
    /// The minimum average rate that a client must sustain, in bytes per second. Default 16 KiB.
    ///
    /// A response may take the `writeDeadline` and its size divided by this rate.
    public var writeRate = 16 * 1024
    /// The time for a request to arrive in full during a shutdown; a response may stall for twice that. Default 1 s.
    public var drainDeadline = Duration.seconds(1)
    /// The time for which input is discarded after a refusal. Default 5 s.
    ///
    /// To close with unread input would reset the connection (RFC 9112, 9.6).
    public var lingerDeadline = Duration.seconds(5)
    /// The maximum number of bytes discarded so; then the connection is closed within a second. Default 256 KiB.
    public var lingerBytes = 256 * 1024

    /// The defaults.
    public init() {}
}
