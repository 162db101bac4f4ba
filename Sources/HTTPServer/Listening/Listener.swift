import NIOCore
import NIOPosix

#if canImport(Glibc)
    import Glibc
#else
    import Musl
#endif

/// Turns a listen address, or a socket that was inherited, into a listening channel.
struct Listener {
    /// A channel that listens, but does not accept yet.
    struct Bound {
        let channel: any Channel
        /// With the real port.
        let address: ListenAddress
        /// To be removed when the server ends.
        let file: UnixSocketFile?
    }

    /// Bytes of a response that wait in the system for their turn, besides those on their way.
    ///
    /// Without a limit the system takes megabytes for each client that does not read: a crowd of those would take up
    /// its memory for sockets, and the time to copy.
    private static let unsentBytes = 256 * 1024

    /// `TCP_NOTSENT_LOWAT`, which Swift does not see on every platform.
    private static let notSentLowWatermark = NIOBSDSocket.Option(rawValue: 25)

    /// Makes a bootstrap of what both TCP and unix sockets are to be like. One for each listener: they are classes, and
    /// keep every option they are given.
    let bootstrap: () -> ServerBootstrap

    /// Binds without accepting yet. Throws `BindError`.
    func bind(_ address: ListenAddress) async throws -> Bound {
        do {
            if let path = address.path {
                return try await bind(address, path: path)
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
        return Bound(channel: channel, address: channel.localAddress.flatMap(ListenAddress.init) ?? asked, file: nil)
    }

    private func bind(_ address: ListenAddress, path: String) async throws -> Bound {
        let (descriptor, file) = try UnixSocketFile.listen(at: path)
        do {
            let channel = try await bootstrap().withBoundSocket(descriptor).get()
            return Bound(channel: channel, address: address, file: file)
        } catch {
            file?.remove()
            throw error
        }
    }

    /// Takes over a listening socket. Throws `BindError`.
    func take(_ socket: InheritedSocket) async throws -> Bound {
        do {
            let bootstrap = socket.address.path == nil ? tcpBootstrap : bootstrap()
            let channel = try await bootstrap.withBoundSocket(socket.descriptor).get()
            return Bound(channel: channel, address: socket.address, file: nil)
        } catch {
            throw BindError(address: socket.address, reason: ErrorText.describe(error))
        }
    }

    private var tcpBootstrap: ServerBootstrap {
        bootstrap()
            .childChannelOption(.tcpOption(.tcp_nodelay), value: 1)
            .childChannelOption(.tcpOption(Self.notSentLowWatermark), value: Self.unsentBytes)
    }

    /// What to bind: the first, or where this machine has no IPv6 the second, if there is one.
    static func candidates(for address: ListenAddress) async throws -> [SocketAddress] {
        let port = address.port
        switch address.host {
        case "":
            return try [SocketAddress(ipAddress: "::", port: port), SocketAddress(ipAddress: "0.0.0.0", port: port)]
        case "localhost":
            // By name it is often both families; a client that tries IPv6 first falls back to this one.
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
