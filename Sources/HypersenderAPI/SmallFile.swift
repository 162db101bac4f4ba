import Glibc

/// Reads small regular files whole.
package enum SmallFile {
    /// - Throws: what is wrong with the file, as the end of a sentence that names it.
    package static func read(_ path: String, limit: Int) throws(FileProblem) -> [UInt8] {
        // Not blocking: a pipe nobody writes to must not hold up a poll.
        let descriptor = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK)
        guard descriptor >= 0 else {
            throw FileProblem("cannot be opened: \(String(cString: strerror(errno)))")
        }
        defer { close(descriptor) }
        var status = stat()
        guard fstat(descriptor, &status) == 0 else {
            throw FileProblem("cannot be read: \(String(cString: strerror(errno)))")
        }
        guard status.st_mode & S_IFMT == S_IFREG else {
            throw FileProblem("is not a regular file: it must stay readable, since it is read again and again")
        }
        var contents: [UInt8] = []
        var buffer = [UInt8](repeating: 0, count: 4096)
        while contents.count <= limit {
            let count = Glibc.read(descriptor, &buffer, buffer.count)
            guard count >= 0 else {
                if errno == EINTR {
                    continue
                }
                throw FileProblem("cannot be read: \(String(cString: strerror(errno)))")
            }
            if count == 0 {
                return contents
            }
            contents += buffer[..<count]
        }
        throw FileProblem("is larger than \(limit) bytes")
    }

    package struct FileProblem: Error, CustomStringConvertible {
        package let description: String

        init(_ description: String) {
            self.description = description
        }
    }
}
