import NIOCore

#if canImport(Glibc)
    import Glibc
#else
    import Musl
#endif

/// The file of a unix socket that is listened on, and its removal at the end.
///
/// Done here and not by the event loop's library, which removes whatever stands at the path when it closes the socket.
struct UnixSocketFile: Sendable {
    let path: String
    private let device: dev_t
    private let inode: ino_t

    /// The file at this path now; nil if it is gone.
    private init?(at path: String) {
        guard case .success(let status) = Self.status(of: path) else { return nil }
        self.path = path
        device = status.st_dev
        inode = status.st_ino
    }

    /// Listens at the path; returns the descriptor, which the caller owns, and its file, nil if that is gone already.
    ///
    /// Who may connect is left to the process's file mode creation mask.
    static func listen(at path: String) throws -> (descriptor: CInt, file: UnixSocketFile?) {
        try makeWay(at: path)
        let descriptor = try socket()
        let address = try SocketAddress(unixDomainSocketPath: path)
        guard address.withSockAddr({ bind(descriptor, $0, socklen_t($1)) }) == 0 else {
            defer { close(descriptor) }
            throw IOError(errnoCode: errno, reason: "bind")
        }
        let file = UnixSocketFile(at: path)
        #if canImport(Glibc)
            let result = Glibc.listen(descriptor, 4096)
        #else
            let result = Musl.listen(descriptor, 4096)
        #endif
        guard result == 0 else {
            defer { close(descriptor) }
            file?.remove()
            throw IOError(errnoCode: errno, reason: "listen")
        }
        return (descriptor, file)
    }

    private static func socket() throws -> CInt {
        #if canImport(Glibc)
            let type = CInt(SOCK_STREAM.rawValue | SOCK_NONBLOCK.rawValue | SOCK_CLOEXEC.rawValue)
            let descriptor = Glibc.socket(AF_UNIX, type, 0)
        #else
            let descriptor = Musl.socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0)
        #endif
        guard descriptor >= 0 else { throw IOError(errnoCode: errno, reason: "socket") }
        return descriptor
    }

    /// Makes way at the path: removes the socket that a dead process left. What else stands there is an error in words.
    ///
    /// A symbolic link is not followed, whatever it points to.
    private static func makeWay(at path: String) throws(UnixSocketError) {
        switch status(of: path) {
        case .failure(let error) where error.code == ENOENT:
            return
        case .failure(let error):
            throw UnixSocketError(ErrorText.describe(errno: error.code))
        case .success(let status):
            guard status.st_mode & S_IFMT == S_IFSOCK else {
                throw UnixSocketError("something that is not a socket stands there: remove it, or choose another path")
            }
        }
        switch connectionError(path) {
        case 0, EAGAIN, EINPROGRESS:
            throw UnixSocketError("another process listens there")
        case ECONNREFUSED:
            guard unlink(path) == 0 || errno == ENOENT else {
                throw UnixSocketError(
                    "a socket that nobody listens on stands there and cannot be removed: "
                        + ErrorText.describe(errno: errno))
            }
        case ENOENT:
            return
        case let code:
            throw UnixSocketError(
                "a socket stands there, and whether somebody listens cannot be found out: "
                    + ErrorText.describe(errno: code))
        }
    }

    /// Removes the file, unless another has taken its place. Call while the socket is still open: until then the
    /// file's number is not given to another.
    func remove() {
        guard case .success(let status) = Self.status(of: path), status.st_dev == device, status.st_ino == inode else {
            return
        }
        unlink(path)
    }

    private struct SystemError: Error {
        let code: CInt
    }

    private static func status(of path: String) -> Result<stat, SystemError> {
        var status = stat()
        return lstat(path, &status) == 0 ? .success(status) : .failure(SystemError(code: errno))
    }

    /// What the system says to an attempt to connect, 0 if it succeeds.
    private static func connectionError(_ path: String) -> CInt {
        guard let address = try? SocketAddress(unixDomainSocketPath: path) else { return ENAMETOOLONG }
        guard let descriptor = try? socket() else { return errno }
        defer { close(descriptor) }
        return address.withSockAddr { pointer, size in
            connect(descriptor, pointer, socklen_t(size)) == 0 ? 0 : errno
        }
    }
}

/// Why a path cannot be listened on, in words.
struct UnixSocketError: Error, Equatable {
    let reason: String

    init(_ reason: String) {
        self.reason = reason
    }
}
