import Basics
import Glibc

/// What the operating system says of this process.
public struct ProcessUsage: Sendable, Equatable {
    /// User and system CPU time, in seconds.
    public var cpuSeconds: Double
    public var residentBytes: Int?
    public var virtualBytes: Int?
    public var openFiles: Int?
    /// The soft limit on open files; nil where there is none.
    public var maxFiles: Int?
    public var threads: Int?

    /// Reads `getrusage`, `getrlimit` and `/proc/self`; what cannot be read is nil.
    public static func current() -> ProcessUsage {
        var usage = rusage()
        getrusage(__rusage_who_t(RUSAGE_SELF.rawValue), &usage)
        let microseconds = [usage.ru_utime, usage.ru_stime].map { $0.tv_sec * 1_000_000 + Int($0.tv_usec) }.reduce(0, +)
        var files = rlimit()
        let hasLimit =
            getrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &files) == 0 && files.rlim_cur != rlim_t.max
        let pages = procFile("/proc/self/statm").split(separator: " ").prefix(2).compactMap { Int($0) }
        let pageSize = sysconf(Int32(_SC_PAGESIZE))
        // The command's name, in parentheses, may hold anything; the 18th field after it is the number of threads.
        let stat = procFile("/proc/self/stat")
        let fields = stat.lastIndex(of: ")").map { stat[stat.index(after: $0)...].split(separator: " ") } ?? []
        return ProcessUsage(
            cpuSeconds: Double(microseconds) / 1e6, residentBytes: pages.count == 2 ? pages[1] * pageSize : nil,
            virtualBytes: pages.count == 2 ? pages[0] * pageSize : nil, openFiles: countOpenFiles(),
            maxFiles: hasLimit ? Int(clamping: files.rlim_cur) : nil,
            threads: fields.count > 17 ? Int(fields[17]) : nil)
    }

    private static func procFile(_ path: String) -> String {
        (try? SmallFile.read(path, limit: 4096)).map { String(decoding: $0, as: UTF8.self) } ?? ""
    }

    private static func countOpenFiles() -> Int? {
        guard let directory = opendir("/proc/self/fd") else {
            return nil
        }
        defer { closedir(directory) }
        var entries = 0
        while readdir(directory) != nil {
            entries += 1
        }
        // Without ".", "..", and the descriptor that reads the directory.
        return entries - 3
    }
}
