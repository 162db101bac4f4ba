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
        level: Logger.Level, format: LogFormat,
        write: @escaping @Sendable ([UInt8]) -> Void = LineLogHandler.writeToStandardError
    ) {
        logLevel = level
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
        let details = metadata.merging(event.metadata ?? [:]) { $1 }
        let fields =
            [
                ("ts", LogLine.timestamp(time)), ("level", LogLine.name(of: event.level)), ("msg", "\(event.message)"),
            ] + details.sorted { $0.key < $1.key }.map { ($0.key, "\($0.value)") }
        let line =
            switch format {
            case .logfmt: LogLine.logfmt(fields)
            case .json: LogLine.json(fields)
            }
        write(Array("\(line)\n".utf8))
    }

    /// The standard error stream; where that is a pipe, opened anew so as not to wait for its reader.
    ///
    /// The flag that says so belongs to what is opened, which other programs share with us: it cannot be set on theirs.
    private static let stream: CInt = {
        var status = stat()
        guard fstat(STDERR_FILENO, &status) == 0, status.st_mode & S_IFMT == S_IFIFO else {
            return STDERR_FILENO
        }
        let own = open("/proc/self/fd/\(STDERR_FILENO)", O_WRONLY | O_NONBLOCK | O_CLOEXEC)
        return own >= 0 ? own : STDERR_FILENO
    }()

    /// In one call, so that lines of several threads do not mix, and without waiting: a line is dropped where its reader has
    /// stalled, which must not stall the program. There is nowhere to report a failure to.
    private static func writeToStandardError(_ bytes: [UInt8]) {
        var ready = pollfd(fd: stream, events: Int16(POLLOUT), revents: 0)
        guard poll(&ready, 1, 0) == 1 else {
            return
        }
        // A pipe that is ready takes this much at once.
        let longest = Int(PIPE_BUF)
        let line = bytes.count > longest ? bytes.prefix(longest - 1) + [UInt8(ascii: "\n")] : bytes[...]
        _ = line.withUnsafeBytes { Glibc.write(stream, $0.baseAddress, $0.count) }
    }
}

/// How a log line is spelled.
enum LogLine {
    /// `ts=… level=… msg="…"`; values are quoted where they hold more than plain characters.
    static func logfmt(_ fields: [(key: String, value: String)]) -> String {
        fields.map { key, value in
            let isPlain =
                !value.isEmpty
                && value.unicodeScalars.allSatisfy {
                    $0 > " " && $0 != "=" && $0 != "\"" && $0 != "\\" && !isHidden($0)
                }
            return "\(key)=\(isPlain ? value : quoted(value))"
        }.joined(separator: " ")
    }

    /// One JSON object with text values.
    static func json(_ fields: [(key: String, value: String)]) -> String {
        "{" + fields.map { "\(quoted($0.key)):\(quoted($0.value))" }.joined(separator: ",") + "}"
    }

    /// A JSON string; what would not show, or show as something else, is escaped.
    private static func quoted(_ text: String) -> String {
        var result = "\""
        for scalar in text.unicodeScalars {
            switch scalar {
            case "\"": result += "\\\""
            case "\\": result += "\\\\"
            case "\n": result += "\\n"
            case "\r": result += "\\r"
            case "\t": result += "\\t"
            case _ where isHidden(scalar):
                for unit in String(scalar).utf16 {
                    let digits = String(unit, radix: 16)
                    result += "\\u" + String(repeating: "0", count: 4 - digits.count) + digits
                }
            default: result.unicodeScalars.append(scalar)
            }
        }
        return result + "\""
    }

    private static func isHidden(_ scalar: Unicode.Scalar) -> Bool {
        switch scalar.properties.generalCategory {
        case .control, .format, .lineSeparator, .paragraphSeparator, .unassigned, .privateUse: true
        default: false
        }
    }

    static func name(of level: Logger.Level) -> String {
        switch level {
        case .trace, .debug: "debug"
        case .info, .notice: "info"
        case .warning: "warn"
        case .error, .critical: "error"
        }
    }

    /// UTC with milliseconds, as RFC 3339 writes it.
    static func timestamp(_ time: timespec) -> String {
        let utc = UTCTime(Double(time.tv_sec))
        let milliseconds = String(1000 + time.tv_nsec / 1_000_000).dropFirst()
        return "\(utc.date)T\(utc.clock).\(milliseconds)Z"
    }
}
