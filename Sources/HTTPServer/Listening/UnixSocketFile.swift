import Basics
import Glibc
import NIOCore
import NIOPosix

/// The file of a unix socket that this process has bound.
///
/// Not left to SwiftNIO: that removes a live socket before it binds, and at the end whatever is found at the path.
struct UnixSocketFile: Sendable {
    let path: String
    private let device: dev_t
    private let inode: ino_t

    /// Binds a socket to the path; returns the descriptor, which the caller owns, and its file, `nil` if that is gone.
    ///
    /// The process's umask decides who may connect.
    static func bind(to path: String) async throws -> (descriptor: CInt, file: UnixSocketFile?) {
        try await removeStaleSocket(at: path)
        let address = try SocketAddress(unixDomainSocketPath: path)
        let type = CInt(SOCK_STREAM.rawValue | SOCK_NONBLOCK.rawValue | SOCK_CLOEXEC.rawValue)
        let descriptor = socket(AF_UNIX, type, 0)
        guard descriptor >= 0 else { throw IOError(errnoCode: errno, reason: "socket") }
        guard address.withSockAddr({ Glibc.bind(descriptor, $0, socklen_t($1)) }) == 0 else {
            defer { close(descriptor) }
            throw IOError(errnoCode: errno, reason: "bind")
        }
        let status = try? status(of: path)
        return (descriptor, status.map { UnixSocketFile(path: path, device: $0.st_dev, inode: $0.st_ino) })
    }

    /// Removes the socket that a dead process left; anything else at the path is an error. Links are not followed.
    private static func removeStaleSocket(at path: String) async throws {
        guard let status = try status(of: path) else { return }
        guard status.st_mode & S_IFMT == S_IFSOCK else {
            throw Problem("something that is not a socket stands there: remove it, or choose another path")
        }
        do {
            let client = ClientBootstrap(group: MultiThreadedEventLoopGroup.singleton)
            try await client.connect(unixDomainSocketPath: path).get().close()
        } catch let error as IOError {
            switch error.errnoCode {
            case ENOENT:
                return
            case ECONNREFUSED:
                if unlink(path) == 0 || errno == ENOENT { return }
                let reason = ErrorText.describe(errno: errno)
                throw Problem("a socket that nobody listens on stands there and cannot be removed: \(reason)")
            case EAGAIN:
                // Its backlog is full.
                break
            default:
                let reason = ErrorText.describe(error)
                throw Problem("a socket stands there, and whether somebody listens cannot be found out: \(reason)")
            }
        }
        throw Problem("another process listens there")
    }

    /// Removes the file, unless another has taken its place.
    ///
    /// To be called while the socket is still open: until then no other file can get its inode number.
    func remove() {
        if let status = try? Self.status(of: path), status.st_dev == device, status.st_ino == inode {
            unlink(path)
        }
    }

    /// Returns the status of the file or link at the path; `nil` if there is none.
    private static func status(of path: String) throws -> stat? {
        var status = stat()
        if lstat(path, &status) == 0 { return status }
        if errno == ENOENT { return nil }
        throw IOError(errnoCode: errno, reason: "lstat")
    }
}
