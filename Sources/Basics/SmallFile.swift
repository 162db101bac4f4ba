import Glibc

/// Reads small files whole.
public enum SmallFile {
    /// Returns the bytes of a regular file, or of one in `/proc`.
    ///
    /// - Throws: `Problem` if it is none, cannot be read or is larger than `limit` bytes.
    public static func read(_ path: String, limit: Int) throws(Problem) -> [UInt8] {
        // Without waiting: a pipe that nobody writes to would block for good.
        let descriptor = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK)
        guard descriptor >= 0 else { throw Problem("cannot be opened: \(systemError())") }
        defer { close(descriptor) }
        var status = stat()
        guard fstat(descriptor, &status) == 0 else { throw Problem("cannot be read: \(systemError())") }
        guard status.st_mode & S_IFMT == S_IFREG else {
            throw Problem("is not a regular file: it must stay readable, since it is read again and again")
        }
        var contents: [UInt8] = []
        var buffer = [UInt8](repeating: 0, count: 4096)
        while contents.count <= limit {
            let count = Glibc.read(descriptor, &buffer, buffer.count)
            if count == 0 { return contents }
            if count < 0 {
                guard errno == EINTR else { throw Problem("cannot be read: \(systemError())") }
            } else {
                contents += buffer[..<count]
            }
        }
        throw Problem("is larger than \(limit) bytes")
    }

    private static func systemError() -> String {
        String(cString: strerror(errno))
    }
}

/// A fingerprint that tells, without reading the file, whether it changed.
public struct FileFingerprint: Sendable, Equatable {
    private let numbers: [Int]

    /// Looks at the file at the end of symbolic links: Kubernetes replaces a mounted secret by changing a link.
    ///
    /// - Returns: `nil` if there is no such file, or it cannot be looked at.
    public init?(path: String) {
        var file = stat()
        guard stat(path, &file) == 0 else { return nil }
        numbers = [
            Int(bitPattern: file.st_dev), Int(bitPattern: file.st_ino), file.st_size, file.st_mtim.tv_sec,
            file.st_mtim.tv_nsec, file.st_ctim.tv_sec, file.st_ctim.tv_nsec,
        ]
    }
}
