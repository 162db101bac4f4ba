/// The configuration of a server.
public struct ServerConfiguration: Sendable {
    /// The addresses to listen on; at least one address, or one inherited socket.
    public var addresses: [ListenAddress]
    /// Further listening sockets, from `InheritedSocket.all`. The server closes them at its end.
    public var inherited: [InheritedSocket] = []
    /// Limits on what clients may ask.
    public var limits: Limits
    /// Encryption and access control; `nil` for plain HTTP and everybody.
    public var security: LiveSecurity?

    /// A configuration without security.
    public init(addresses: [ListenAddress], limits: Limits = Limits()) {
        self.addresses = addresses
        self.limits = limits
    }
}
