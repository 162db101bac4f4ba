import Basics
import Glibc
import Logging
import Settings

/// Writes each log event as one line to the standard error stream.
struct LineLogHandler: LogHandler {
    var logLevel: Logger.Level
    var metadata: Logger.Metadata = [:]
    var metadataProvider: Logger.MetadataProvider?
    private let format: LogFormat
    private let write: @Sendable ([UInt8]) -> Void

    init(
        level: LogLevel, format: LogFormat,
        write: @escaping @Sendable ([UInt8]) -> Void = LineLogHandler.writeToStandardError
    ) {
        logLevel = level == .warn ? .warning : Logger.Level(rawValue: level.rawValue) ?? .info
        self.format = format
        self.write = write
    }

    subscript(metadataKey key: String) -> Logger.Metadata.Value? {
        get { metadata[key] }
        set { metadata[key] = newValue }
    }

    func log(event: LogEvent) {
        var time = timespec()
        clock_gettime(CLOCK_REALTIME, &time)
        let level: LogLevel =
            switch event.level {
            case .trace, .debug: .debug
            case .info, .notice: .info
            case .warning: .warn
            case .error, .critical: .error
            }
        let details = metadata.merging(event.metadata ?? [:]) { $1 }.sorted { $0.key < $1.key }
        let fields =
            [("ts", LogLine.timestamp(time)), ("level", level.rawValue), ("msg", "\(event.message)")]
            + details.map { ($0.key, "\($0.value)") }
        write(Array("\(LogLine.text(fields, format))\n".utf8))
    }

    /// The standard error stream, or if that is a pipe, the pipe opened anew without waiting for its reader.
    ///
    /// The flag for that belongs to the open file, which other programs may share: it must not be set on theirs.
    private static let stream: CInt = {
        var status = stat()
        guard fstat(STDERR_FILENO, &status) == 0, status.st_mode & S_IFMT == S_IFIFO else { return STDERR_FILENO }
        let own = open("/proc/self/fd/\(STDERR_FILENO)", O_WRONLY | O_NONBLOCK | O_CLOEXEC)
        return own >= 0 ? own : STDERR_FILENO
    }()

    /// Writes a line in one call, so that lines do not mix, and without waiting: a reader that has stalled must not
    /// stall the program, and loses the line.
    private static func writeToStandardError(_ bytes: [UInt8]) {
        var ready = pollfd(fd: stream, events: Int16(POLLOUT), revents: 0)
        guard poll(&ready, 1, 0) == 1 else { return }
        // A pipe that is ready takes this much at once.
        let maximum = Int(PIPE_BUF)
        let line = bytes.count > maximum ? bytes.prefix(maximum - 1) + [UInt8(ascii: "\n")] : bytes[...]
        // There is nowhere to report a failure to.
        _ = line.withUnsafeBytes { Glibc.write(stream, $0.baseAddress, $0.count) }
    }
}

/// The forms of a log line.
enum LogLine {
    static func text(_ fields: [(key: String, value: String)], _ format: LogFormat) -> String {
        switch format {
        case .logfmt: fields.map { "\($0)=\(isPlain($1) ? $1 : quoted($1))" }.joined(separator: " ")
        case .json: "{" + fields.map { "\(quoted($0)):\(quoted($1))" }.joined(separator: ",") + "}"
        }
    }

    /// Whether a value needs no quotes in logfmt.
    private static func isPlain(_ value: String) -> Bool {
        !value.isEmpty
            && value.unicodeScalars.allSatisfy {
                $0 > " " && $0 != "=" && $0 != "\"" && $0 != "\\" && !$0.isHidden
            }
    }

    /// Returns a JSON string; what would not show, or show as something else, is escaped.
    private static func quoted(_ text: String) -> String {
        var result = "\""
        for scalar in text.unicodeScalars {
            switch scalar {
            case "\"", "\\": result += "\\\(scalar)"
            case "\n": result += "\\n"
            case "\r": result += "\\r"
            case "\t": result += "\\t"
            case _ where scalar.isHidden:
                for unit in String(scalar).utf16 {
                    result += "\\u" + String(0x10000 + Int(unit), radix: 16).dropFirst()
                }
            default: result.unicodeScalars.append(scalar)
            }
        }
        return result + "\""
    }

    /// Returns the time in UTC with milliseconds, as RFC 3339 writes it.
    static func timestamp(_ time: timespec) -> String {
        let utc = UTCTime(Double(time.tv_sec))
        let milliseconds = String(1000 + time.tv_nsec / 1_000_000).dropFirst()
        return "\(utc.date)T\(utc.clock).\(milliseconds)Z"
    }
}
