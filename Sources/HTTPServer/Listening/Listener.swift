import Glibc
import NIOCore
import NIOPosix

/// Turns listen addresses and inherited sockets into listening channels.
struct Listener {
    /// A channel that listens, but does not accept yet.
    struct Bound {
        let channel: any Channel
        /// The address with the real port.
        let address: ListenAddress
        /// The file to remove when the server ends.
        var file: UnixSocketFile?
    }

    /// The limit on a response's bytes in the kernel, which would take megabytes for a client that does not read.
    private static let unsentBytes = 256 * 1024
    /// `TCP_NOTSENT_LOWAT`, which Swift does not import.
    private static let notSentLowWatermark = NIOBSDSocket.Option(rawValue: 25)

    /// Makes a bootstrap with the options of TCP and unix sockets alike, a new one for each listener.
    let bootstrap: () -> ServerBootstrap

    /// Binds an address, or throws `BindError`.
    func bind(_ address: ListenAddress) async throws -> Bound {
        do {
            if let path = address.path {
                let (descriptor, file) = try await UnixSocketFile.bind(to: path)
                do {
                    return Bound(channel: try await listen(descriptor, bootstrap()), address: address, file: file)
                } catch {
                    file?.remove()
                    throw error
                }
            }
            let candidates = try await Self.candidates(for: address)
            do {
                return try await bind(address, to: candidates[0])
            } catch let error as IOError where candidates.count > 1 && Self.lacksIPv6(error) {
                return try await bind(address, to: candidates[1])
            }
        } catch {
            throw BindError(address: address, reason: ErrorText.describe(error))
        }
    }

    private func bind(_ asked: ListenAddress, to address: SocketAddress) async throws -> Bound {
        var bootstrap = tcpBootstrap
        if case .v6 = address {
            // One socket for both families, whatever the system's default.
            let v6only = ChannelOptions.Types.SocketOption(level: .ipv6, name: .ipv6_v6only)
            bootstrap = bootstrap.serverChannelOption(v6only, value: 0)
        }
        let channel = try await bootstrap.bind(to: address).get()
        return Bound(channel: channel, address: channel.localAddress.flatMap(ListenAddress.init) ?? asked)
    }

    /// Takes over a listening socket, or throws `BindError`.
    func take(_ socket: InheritedSocket) async throws -> Bound {
        do {
            let bootstrap = socket.address.path == nil ? tcpBootstrap : bootstrap()
            return Bound(channel: try await listen(socket.descriptor, bootstrap), address: socket.address)
        } catch {
            throw BindError(address: socket.address, reason: ErrorText.describe(error))
        }
    }

    private func listen(_ descriptor: CInt, _ bootstrap: ServerBootstrap) async throws -> any Channel {
        let channel = try await bootstrap.withBoundSocket(descriptor).get()
        // SwiftNIO has set the backlog of a socket that it is given to 128.
        _ = Glibc.listen(descriptor, CInt(AcceptHandler.backlog))
        return channel
    }

    private var tcpBootstrap: ServerBootstrap {
        bootstrap()
            .childChannelOption(.tcpOption(.tcp_nodelay), value: 1)
            .childChannelOption(.tcpOption(Self.notSentLowWatermark), value: Self.unsentBytes)
    }

    /// Returns the address to bind and, if there is one, a second for machines without IPv6.
    static func candidates(for address: ListenAddress) async throws -> [SocketAddress] {
        let port = address.port
        switch address.host {
        case "":
            return try [SocketAddress(ipAddress: "::", port: port), SocketAddress(ipAddress: "0.0.0.0", port: port)]
        case "localhost":
            // The name often stands for both families; a client that tries IPv6 first falls back to this one.
            return try [SocketAddress(ipAddress: "127.0.0.1", port: port)]
        case let host:
            if let literal = try? SocketAddress(ipAddress: host, port: port) {
                return [literal]
            }
            // Resolving blocks, possibly for seconds.
            return try await NIOThreadPool.singleton.runIfActive {
                [try SocketAddress.makeAddressResolvingHost(host, port: port)]
            }
        }
    }

    static func lacksIPv6(_ error: IOError) -> Bool {
        error.errnoCode == EAFNOSUPPORT || error.errnoCode == EADDRNOTAVAIL
    }
}

/// An address that could not be listened on.
public struct BindError: Error, Equatable, CustomStringConvertible {
    /// The address as configured.
    public let address: ListenAddress
    /// The reason, as in `address already in use`.
    public let reason: String

    public var description: String { "cannot listen on \(address): \(reason)" }
}
