/// What a client may ask of the server, in bytes, numbers and time.
public struct Limits: Sendable, Equatable {
    /// Bytes of the request target and all header fields together; 431 beyond. Default 16 KiB.
    public var headerBytes = 16 * 1024

    /// Header fields in a request; 431 beyond. Default 100.
    public var headerCount = 100

    /// Bytes of a request's body; 413 beyond. Default 64 KiB.
    public var bodyBytes = 64 * 1024

    /// Connections open at once. Default 4,096.
    ///
    /// Further ones wait unaccepted, and for them the longest idle are closed at once, or else those whose request has
    /// not arrived in full, after a grace of 250 ms or less. Connections that are being answered stay.
    ///
    /// Lowered where the process may not open as many files, so that idle clients never use up the last of them.
    public var connections = 4096

    /// Time for a request to arrive in full, from the moment the connection was accepted or, on a connection kept
    /// alive, from the request's first byte. Beyond it 408, or a plain close where no byte came. Default 10 s.
    public var requestDeadline = Duration.seconds(10)

    /// Time a connection is kept open between two requests. Default 2 minutes.
    public var idleDeadline = Duration.seconds(120)

    /// Time a response may wait without the client taking any byte of it, to within a quarter. Default 30 s.
    public var writeDeadline = Duration.seconds(30)

    /// Time without the client taking any byte after which a response is said to have stalled. Default 1 s.
    public var stallNotice = Duration.seconds(1)

    /// Bytes a second that a client takes of a response at least. Default 16 KiB.
    ///
    /// A response waits for its client no longer, all in all, than its bytes take at this rate and the write deadline
    /// besides: however small the steps in which it is taken.
    public var writeRate = 16 * 1024

    /// Time for a request that has begun to arrive in full once the server is shutting down; twice as long may a
    /// response then wait without the client taking any byte of it. Default 1 s.
    public var drainDeadline = Duration.seconds(1)

    /// Time for which input is read and thrown away after a request was refused, so that the client can read the
    /// refusal before the connection is reset (RFC 9112, 9.6). Default 5 s.
    public var lingerDeadline = Duration.seconds(5)

    /// Bytes that are thrown away so; with more, the connection is closed a second later at most. Default 256 KiB.
    public var lingerBytes = 256 * 1024

    /// The defaults.
    public init() {}
}
