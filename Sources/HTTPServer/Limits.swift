/// What a client may ask of the server, in bytes, numbers and time.
public struct Limits: Sendable, Equatable {
    /// Bytes of the request target and all header fields together; 431 beyond. Default 16 KiB.
    public var headerBytes = 16 * 1024

    /// Header fields in a request; 431 beyond. Default 100.
    public var headerCount = 100

    /// Bytes of a request's body; 413 beyond. Default 64 KiB.
    public var bodyBytes = 64 * 1024

    /// Connections open at once. Further ones wait unaccepted until one ends. Default 4,096.
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

    /// Time for which input is read and thrown away after a request was refused, so that the client can read the
    /// refusal before the connection is reset (RFC 9112, 9.6). Default 1 s.
    public var lingerDeadline = Duration.seconds(1)

    /// The defaults.
    public init() {}
}
