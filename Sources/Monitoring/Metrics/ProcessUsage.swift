import Basics
import Glibc

/// The resources that this process uses.
public struct ProcessUsage: Sendable, Equatable {
    /// The user and system CPU time, in seconds.
    var cpuSeconds: Double
    var residentBytes: Int?
    var virtualBytes: Int?
    var openFiles: Int?
    /// The soft limit on open files; `nil` if there is none.
    var maxFiles: Int?
    var threads: Int?

    /// Reads `getrusage`, `getrlimit` and `/proc/self`; what cannot be read is `nil`.
    public static func current() -> ProcessUsage {
        var usage = rusage()
        getrusage(__rusage_who_t(RUSAGE_SELF.rawValue), &usage)
        let microseconds = [usage.ru_utime, usage.ru_stime].map { $0.tv_sec * 1_000_000 + Int($0.tv_usec) }.reduce(0, +)
        var files = rlimit()
        let hasLimit =
            getrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &files) == 0 && files.rlim_cur != rlim_t.max
        // The command's name, in parentheses, may hold anything. Of the fields after it, the 18th is the number of
        // threads, and the 21st and 22nd are the virtual size in bytes and the resident size in pages; see proc(5).
        let stat = procFile("/proc/self/stat")
        let fields = stat.lastIndex(of: ")").map { stat[stat.index(after: $0)...].split(separator: " ") } ?? []
        func field(_ number: Int) -> Int? { number <= fields.count ? Int(fields[number - 1]) : nil }
        return ProcessUsage(
            cpuSeconds: Double(microseconds) / 1e6,
            residentBytes: field(22).map { $0 * sysconf(Int32(_SC_PAGESIZE)) }, virtualBytes: field(21),
            openFiles: countOpenFiles(), maxFiles: hasLimit ? Int(clamping: files.rlim_cur) : nil, threads: field(18))
    }

    private static func procFile(_ path: String) -> String {
        (try? SmallFile.read(path, limit: 4096)).map { String(decoding: $0, as: UTF8.self) } ?? ""
    }

    private static func countOpenFiles() -> Int? {
        guard let directory = opendir("/proc/self/fd") else { return nil }
        defer { closedir(directory) }
        var entries = 0
        while readdir(directory) != nil {
            entries += 1
        }
        // Without ".", "..", and the descriptor that reads the directory.
        return entries - 3
    }
}
