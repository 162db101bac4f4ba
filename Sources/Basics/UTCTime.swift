import Glibc

/// A point in time as dates are written: in UTC, in the Gregorian calendar, from 1970 to 9999.
public struct UTCTime: Sendable, Equatable {
    /// The day, such as `2026-03-01`.
    public let date: String
    /// The time of day, such as `14:03:20`.
    public let clock: String
    private let (weekday, month): (Int, Int)

    /// Converts seconds since the Unix epoch; a time before 1970 or after 9999 becomes the nearest one in between.
    public init(_ unixSeconds: Double) {
        var seconds = time_t(min(max(0, unixSeconds), 253_402_300_799))
        var parts = tm()
        gmtime_r(&seconds, &parts)
        func twoDigits(_ number: Int32) -> String { number < 10 ? "0\(number)" : "\(number)" }
        (weekday, month) = (Int(parts.tm_wday), Int(parts.tm_mon))
        date = "\(parts.tm_year + 1900)-\(twoDigits(parts.tm_mon + 1))-\(twoDigits(parts.tm_mday))"
        clock = "\(twoDigits(parts.tm_hour)):\(twoDigits(parts.tm_min)):\(twoDigits(parts.tm_sec))"
    }

    /// The date and the time of day, such as `2026-03-01 14:03:20 UTC`.
    public var full: String { "\(date) \(clock) UTC" }

    /// The `Date` header field's form, such as `Sun, 01 Mar 2026 14:03:20 GMT` (RFC 9110, section 5.6.7).
    public var httpDate: String {
        "\(Self.days[weekday]), \(date.suffix(2)) \(Self.months[month]) \(date.prefix(4)) \(clock) GMT"
    }

    /// The form of RFC 3339 and HTML, such as `2026-03-01T14:03:20Z`.
    public var rfc3339: String { "\(date)T\(clock)Z" }

    /// Returns the time of day alone if `other` is on the same day, and the full form if not.
    public func short(on other: UTCTime) -> String {
        date == other.date ? "\(clock) UTC" : full
    }

    private static let days = ["Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"]
    static let months = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"]
}
