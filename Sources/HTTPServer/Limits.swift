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
    /// Further ones wait unaccepted, and for them the longest idle are closed at once, or else those whose request has
    /// not arrived in full, after a grace of 250 ms or less. Connections that are being answered stay.
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
    /// The average rate a client must sustain, in bytes a second, besides the `writeDeadline`. Default 16 KiB.
    public var writeRate = 16 * 1024
    /// The time for a request to arrive in full, and half of a response's for progress, in a shutdown. Default 1 s.
    public var drainDeadline = Duration.seconds(1)
    /// The time to discard input after a refusal, since a close resets unread input (RFC 9112, 9.6). Default 5 s.
    public var lingerDeadline = Duration.seconds(5)
    /// The bytes discarded so; with more, the connection is closed a second later at most. Default 256 KiB.
    public var lingerBytes = 256 * 1024

    /// The defaults.
    public init() {}
}
