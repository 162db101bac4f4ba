import NIOCore
import NIOPosix

#if canImport(Glibc)
    import Glibc
#else
    import Musl
#endif

/// Turns a listen address into a listening socket.
struct Listener {
    let bootstrap: ServerBootstrap

    /// Binds without accepting yet. Throws `BindError`.
    func bind(_ address: ListenAddress) async throws -> any Channel {
        do {
            let candidates = try await Self.candidates(for: address)
            do {
                return try await bind(candidates[0])
            } catch let error as IOError where candidates.count > 1 && Self.lacksIPv6(error) {
                return try await bind(candidates[1])
            }
        } catch {
            throw BindError(address: address, reason: ErrorText.describe(error))
        }
    }

    private func bind(_ address: SocketAddress) async throws -> any Channel {
        var bootstrap = bootstrap
        if case .v6 = address {
            // One socket for both families, whatever the system's default.
            let v6only = ChannelOptions.Types.SocketOption(level: .ipv6, name: .ipv6_v6only)
            bootstrap = bootstrap.serverChannelOption(v6only, value: 0)
        }
        return try await bootstrap.bind(to: address).get()
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
