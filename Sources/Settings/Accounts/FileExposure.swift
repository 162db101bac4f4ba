import Basics
import CProcess
import Glibc

/// Warnings about files that everybody on the machine may write or read.
enum FileExposure {
    /// Returns the end of a sentence that names a file; `nil` if there is nothing to warn of.
    ///
    /// - Parameter isSecret: whether nobody else may read the file either.
    static func warning(_ path: String, isSecret: Bool) -> String? {
        // At the end of symbolic links.
        var file = stat()
        var system = statfs()
        guard stat(path, &file) == 0, statfs(path, &system) == 0 else { return nil }
        return warning(mode: file.st_mode, fileSystem: system.f_type, isSecret: isSecret)
    }

    /// Judges a file's mode.
    static func warning(mode: UInt32, fileSystem: Int, isSecret: Bool) -> String? {
        // Files in memory are secrets that a container engine, Kubernetes or systemd has put into a place of its own:
        // their mode is not the user's to set.
        guard ![Int(TMPFS_MAGIC), Int(RAMFS_MAGIC)].contains(fileSystem) else { return nil }
        return switch (mode & S_IWOTH != 0, isSecret && mode & S_IROTH != 0) {
        case (true, true): "may be read and written by everybody: chmod o-rw"
        case (true, false): "may be written by everybody: chmod o-w"
        case (false, true): "may be read by everybody: chmod o-r"
        case (false, false): nil
        }
    }
}

extension TokenSource {
    /// The problem with the permissions of the file that holds the key; `nil` if there is none, or no file.
    var exposure: String? {
        guard case .file(let path) = self else { return nil }
        return FileExposure.warning(path, isSecret: true).map { "the token file \(Redaction.quote(path)) \($0)" }
    }
}
