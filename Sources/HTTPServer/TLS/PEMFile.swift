#if canImport(Glibc)
    import Glibc
#else
    import Musl
#endif

/// A file with certificates or keys, as it is found on disk.
struct PEMFile {
    /// What tells one state of a file from another without reading it.
    struct Fingerprint: Equatable {
        private let device: UInt64
        private let number: UInt64
        private let size: Int64
        private let changed: [Int]

        fileprivate init(_ file: stat) {
            device = UInt64(file.st_dev)
            number = UInt64(file.st_ino)
            size = Int64(file.st_size)
            // Of a mounted secret the link changes, and with it the file's number.
            changed = [file.st_mtim, file.st_ctim].flatMap { [Int($0.tv_sec), Int($0.tv_nsec)] }
        }
    }

    /// More than any chain needs, in bytes.
    static let capacity = 1 << 20

    let path: String

    /// Nil where the file cannot be looked at.
    var fingerprint: Fingerprint? {
        var file = stat()
        return stat(path, &file) == 0 ? Fingerprint(file) : nil
    }

    /// The whole file. Throws an error of this setting.
    func read(for setting: WebSecurityError.Setting) throws(WebSecurityError) -> [UInt8] {
        // A pipe must not hold up the server, neither here nor below.
        let descriptor = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK)
        guard descriptor >= 0 else { throw failure(setting, errno) }
        defer { close(descriptor) }
        var file = stat()
        guard fstat(descriptor, &file) == 0 else { throw failure(setting, errno) }
        guard file.st_mode & S_IFMT == S_IFREG else {
            throw WebSecurityError(setting, "\(path) is not a regular file")
        }
        var bytes: [UInt8] = []
        var chunk = [UInt8](repeating: 0, count: 16 * 1024)
        while true {
            let count = Self.read(descriptor, &chunk)
            guard count >= 0 else { throw failure(setting, errno) }
            guard count > 0 else { return bytes }
            bytes.append(contentsOf: chunk[..<count])
            guard bytes.count <= Self.capacity else {
                throw WebSecurityError(setting, "\(path) has more than \(Self.capacity) bytes")
            }
        }
    }

    private static func read(_ descriptor: CInt, _ chunk: inout [UInt8]) -> Int {
        while true {
            let count = chunk.withUnsafeMutableBytes { recv(descriptor, $0) }
            if count >= 0 || errno != EINTR { return count }
        }
    }

    private static func recv(_ descriptor: CInt, _ buffer: UnsafeMutableRawBufferPointer) -> Int {
        #if canImport(Glibc)
            Glibc.read(descriptor, buffer.baseAddress, buffer.count)
        #else
            Musl.read(descriptor, buffer.baseAddress, buffer.count)
        #endif
    }

    private func failure(_ setting: WebSecurityError.Setting, _ code: CInt) -> WebSecurityError {
        let reason =
            switch code {
            case ENOENT, ENOTDIR: "no such file"
            case EACCES, EPERM: "permission denied"
            case EISDIR: "it is a directory"
            default: "error \(code) of the system"
            }
        return WebSecurityError(setting, "cannot read \(path): \(reason)")
    }
}

extension TLSOptions.PEM {
    /// The file, where it is one of its own.
    var file: PEMFile? {
        switch self {
        case .inline: nil
        case .file(let path): PEMFile(path: path)
        }
    }

    func read(for setting: WebSecurityError.Setting) throws(WebSecurityError) -> [UInt8] {
        switch self {
        case .inline(let text): Array(text.utf8)
        case .file(let path): try PEMFile(path: path).read(for: setting)
        }
    }

    /// Where the text stands, for messages.
    fileprivate var place: String {
        switch self {
        case .inline: "the text"
        case .file(let path): path
        }
    }

    /// An error that names the place.
    func fault(_ setting: WebSecurityError.Setting, _ reason: String) -> WebSecurityError {
        WebSecurityError(setting, "\(place) \(reason)")
    }
}
