import Glibc
import Monitoring

/// A point in time as a person in any zone reads it: in UTC, and said to be.
struct UTC {
    /// `2026-03-01T14:03:20Z`, as HTML and RFC 3339 have it.
    let machine: String
    /// `2026-03-01 14:03:20 UTC`.
    let full: String
    private let day: String
    private let clock: String

    /// - Parameter unix: seconds since the Unix epoch.
    init(_ unix: Double) {
        // Whatever a clock may say, it is a time that the calendar has: up to the year 9999.
        var seconds = time_t(min(max(0, unix), 253_402_300_799))
        var parts = tm()
        gmtime_r(&seconds, &parts)
        func two(_ number: Int32) -> String {
            number < 10 ? "0\(number)" : "\(number)"
        }
        day = "\(parts.tm_year + 1900)-\(two(parts.tm_mon + 1))-\(two(parts.tm_mday))"
        clock = "\(two(parts.tm_hour)):\(two(parts.tm_min)):\(two(parts.tm_sec))"
        machine = "\(day)T\(clock)Z"
        full = "\(day) \(clock) UTC"
    }

    /// The time of the day alone, where it is the same day as `other`.
    func short(on other: UTC) -> String {
        day == other.day ? "\(clock) UTC" : full
    }
}

extension Duration {
    /// The duration in its two largest units, such as `1 h 5 min`; a negative one as none.
    var inWords: String {
        let seconds = Int(max(0, self.seconds))
        func join(_ large: Int, _ unit: String, _ small: Int, _ smaller: String) -> String {
            small == 0 ? "\(large) \(unit)" : "\(large) \(unit) \(small) \(smaller)"
        }
        return switch seconds {
        case ..<60: "\(seconds) s"
        case ..<3600: join(seconds / 60, "min", seconds % 60, "s")
        case ..<86400: join(seconds / 3600, "h", seconds % 3600 / 60, "min")
        default: join(seconds / 86400, "d", seconds % 86400 / 3600, "h")
        }
    }
}

extension Int {
    /// The number with a comma between thousands: `10,000`.
    var grouped: String {
        var digits = Array(String(magnitude))
        for place in stride(from: digits.count - 3, to: 0, by: -3) {
            digits.insert(",", at: place)
        }
        return (self < 0 ? "-" : "") + String(digits)
    }

    /// The number and the noun that goes with it.
    func counting(_ one: String, _ many: String) -> String {
        "\(grouped) \(self == 1 ? one : many)"
    }
}
