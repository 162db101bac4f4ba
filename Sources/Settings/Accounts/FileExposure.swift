import Basics
import CProcess
import Glibc

/// The access to a file that everybody on the machine has.
struct FileExposure: Equatable {
    let isWritable: Bool
    let isReadable: Bool

    /// Judges a file's mode.
    ///
    /// Files in memory are secrets that a container engine, Kubernetes or systemd has put into a place of its own:
    /// their mode is not the user's to set.
    init(mode: UInt32, fileSystem: Int) {
        let isInMemory = [Int(TMPFS_MAGIC), Int(RAMFS_MAGIC)].contains(fileSystem)
        isWritable = !isInMemory && mode & S_IWOTH != 0
        isReadable = !isInMemory && mode & S_IROTH != 0
    }

    /// Judges a file, at the end of symbolic links; `nil` if it cannot be looked at.
    init?(path: String) {
        var file = stat()
        var system = statfs()
        guard stat(path, &file) == 0, statfs(path, &system) == 0 else { return nil }
        self.init(mode: file.st_mode, fileSystem: system.f_type)
    }

    /// Returns the end of a sentence that names the file; `nil` if there is nothing to warn of.
    ///
    /// - Parameter isSecret: whether nobody else may read the file either.
    func warning(isSecret: Bool) -> String? {
        switch (isWritable, isSecret && isReadable) {
        case (true, true): "may be read and written by everybody: chmod o-rw"
        case (true, false): "may be written by everybody: chmod o-w"
        case (false, true): "may be read by everybody: chmod o-r"
        case (false, false): nil
        }
    }

    /// Returns the warning about the file at a path.
    static func warning(_ path: String, isSecret: Bool) -> String? {
        FileExposure(path: path)?.warning(isSecret: isSecret)
    }
}

extension TokenSource {
    /// The problem with the permissions of the file that holds the key; `nil` if there is none, or no file.
    var exposure: String? {
        guard case .file(let path) = self else { return nil }
        return FileExposure.warning(path, isSecret: true).map { "the token file \(Redaction.quote(path)) \($0)" }
    }
}
