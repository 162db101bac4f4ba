/// An address that could not be listened on.
public struct BindError: Error, Equatable, CustomStringConvertible {
    /// The address as configured.
    public let address: ListenAddress

    /// The reason, as in `address already in use`.
    public let reason: String

    public var description: String { "cannot listen on \(address): \(reason)" }
}

/// A listener that ended without being asked to.
public struct ListenerError: Error, Equatable, CustomStringConvertible {
    /// The address it listened on.
    public let address: ListenAddress

    public var description: String { "the listener on \(address) has ended by itself" }
}
