/// What a server is started with.
public struct ServerConfiguration: Sendable {
    /// Where to listen; at least one address, or one inherited socket.
    public var addresses: [ListenAddress]

    /// Listening sockets to serve on besides, as `SystemdSockets.inherited` finds them. The server closes them at its end.
    public var inherited: [InheritedSocket] = []

    /// What clients may ask.
    public var limits: Limits

    /// How connections are secured and who may ask; nil for plain HTTP and everybody.
    public var security: LiveSecurity?

    /// Threads of its own to serve on; nil shares those of the process, one a core.
    public var eventLoops: Int?

    /// A configuration with the given parts.
    public init(addresses: [ListenAddress], limits: Limits = Limits(), eventLoops: Int? = nil) {
        self.addresses = addresses
        self.limits = limits
        self.eventLoops = eventLoops
    }
}
