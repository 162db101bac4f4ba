public import Basics
import Glibc
import NIOCore

/// A listening socket handed over by the service manager: systemd's socket activation, as in `sd_listen_fds(3)`.
public struct InheritedSocket: Sendable, Hashable {
    /// The first descriptor that is passed: `SD_LISTEN_FDS_START`.
    private static let first: CInt = 3

    /// The file descriptor. A server started on it owns it from then on.
    let descriptor: CInt

    /// The address it listens on.
    let address: ListenAddress

    /// Returns the sockets that `LISTEN_PID` and `LISTEN_FDS` pass to this process, at least one; children get none.
    public static func all(environment: [String: String]) throws(Problem) -> [InheritedSocket] {
        try descriptors(environment: environment, process: getpid()).map { descriptor throws(Problem) in
            try InheritedSocket(descriptor)
        }
    }

    /// Returns the descriptors that the environment says were passed to the process of this number.
    static func descriptors(environment: [String: String], process: pid_t) throws(Problem) -> Range<CInt> {
        guard let pid = environment["LISTEN_PID"], let count = environment["LISTEN_FDS"] else {
            throw Problem(
                "no socket was passed: LISTEN_PID and LISTEN_FDS are not set; start the service through its socket unit"
            )
        }
        guard pid == "\(process)" else {
            throw Problem(
                "no socket was passed to this process: LISTEN_PID is \"\(pid)\", and this is process \(process)")
        }
        guard let number = CInt(count), number < CInt.max - first, number > 0, count == "\(number)" else {
            throw Problem("no socket was passed: LISTEN_FDS is \"\(count)\", not a number from 1")
        }
        return first..<(first + number)
    }

    /// Takes the socket of a descriptor, and keeps it from child processes.
    init(_ descriptor: CInt) throws(Problem) {
        func problem(_ reason: String) -> Problem { Problem("descriptor \(descriptor), which was passed, \(reason)") }

        guard let type = Self.option(SO_TYPE, of: descriptor) else { throw problem("is not a socket") }
        guard type == CInt(SOCK_STREAM.rawValue), Self.option(SO_ACCEPTCONN, of: descriptor) == 1 else {
            throw problem("is not a listening stream socket: use ListenStream= without Accept=")
        }
        guard let address = ListenAddress(of: descriptor) else { throw problem("is neither TCP nor a unix socket") }
        _ = fcntl(descriptor, F_SETFD, FD_CLOEXEC)
        self.descriptor = descriptor
        self.address = address
    }

    private static func option(_ name: CInt, of descriptor: CInt) -> CInt? {
        var value: CInt = 0
        var size = socklen_t(MemoryLayout<CInt>.size)
        return getsockopt(descriptor, SOL_SOCKET, name, &value, &size) == 0 ? value : nil
    }
}

extension ListenAddress {
    /// The address that a socket is bound to; `nil` if that is neither TCP nor a unix socket.
    fileprivate init?(of descriptor: CInt) {
        var storage = sockaddr_storage()
        var size = socklen_t(MemoryLayout<sockaddr_storage>.size)
        let hasName = withUnsafeMutablePointer(to: &storage) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { getsockname(descriptor, $0, &size) == 0 }
        }
        guard hasName else { return nil }
        switch CInt(storage.ss_family) {
        case AF_INET:
            self.init(SocketAddress(withUnsafeBytes(of: storage) { $0.load(as: sockaddr_in.self) }))
        case AF_INET6:
            self.init(SocketAddress(withUnsafeBytes(of: storage) { $0.load(as: sockaddr_in6.self) }))
        case AF_UNIX:
            let bytes = withUnsafeBytes(of: storage) { Array($0.prefix(Int(size))) }
            let path = bytes.dropFirst(MemoryLayout<sa_family_t>.size)
            // A name in the abstract namespace begins with a NUL; socket units and other tools write it with an @.
            let isAbstract = path.first == 0
            let name = isAbstract ? path.dropFirst() : path.prefix { $0 != 0 }
            self.init(path: (isAbstract ? "@" : "") + String(decoding: name, as: UTF8.self))
        default:
            return nil
        }
    }

    /// The host and port of this address; `nil` if it has none.
    init?(_ address: SocketAddress) {
        guard let host = address.ipAddress, let port = address.port else { return nil }
        self.init(host: host, port: port)
    }
}
