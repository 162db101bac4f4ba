import Glibc
import NIOCore

/// Errors of sockets in words a person acts on.
enum ErrorText {
    static func describe(_ error: any Error) -> String {
        switch error {
        case let error as IOError: describe(errno: error.errnoCode)
        case SocketAddressError.unknown: "no such host"
        default: "\(error)"
        }
    }

    static func describe(errno code: CInt) -> String {
        switch code {
        case EADDRINUSE: "address already in use"
        case EADDRNOTAVAIL: "this machine does not have the address"
        case EACCES: "permission denied"
        case EAFNOSUPPORT: "this machine does not support the address's family"
        case ENOENT, ENOTDIR: "the directory does not exist"
        case ENAMETOOLONG: "the name is too long"
        case EROFS: "the file system cannot be written"
        case EMFILE: "too many open files in this process"
        case ENFILE: "too many open files on this machine"
        case ENOBUFS, ENOMEM: "not enough memory"
        default: "error \(code) of the system"
        }
    }
}
