/// Reads the spellings of a point in time that the API, the frameworks around it and HTTP use.
public enum Timestamp {
    /// Reads `2025-05-26T10:12:45`, `2025-01-21 18:41:43`, `2020-02-18T07:42:08.000000Z` or `…+02:00`.
    ///
    /// - Returns: seconds since the Unix epoch, in UTC unless the text has an offset; `nil` for anything else.
    public static func seconds(_ text: String) -> Double? {
        var fields = Fields(bytes: Array(text.utf8)[...])
        guard let year = fields.number(digits: 4), fields.take("-"), let month = fields.number(digits: 2),
            fields.take("-"), let day = fields.number(digits: 2), fields.take("T") || fields.take(" "),
            let hour = fields.number(digits: 2), fields.take(":"), let minute = fields.number(digits: 2),
            fields.take(":"), let second = fields.number(digits: 2), hour < 24, minute < 60, second < 60,
            let days = daysSinceEpoch(year: year, month: month, day: day)
        else { return nil }
        var fraction = 0.0
        if fields.take(".") {
            let digits = fields.bytes.prefix(while: \.isDigit)
            guard let value = Double("0.\(String(decoding: digits, as: UTF8.self))"), !digits.isEmpty else {
                return nil
            }
            fields.bytes.removeFirst(digits.count)
            fraction = value
        }
        var offset = 0
        if !fields.take("Z"), !fields.take("z"), !fields.bytes.isEmpty {
            let sign = fields.take("-") ? -1 : fields.take("+") ? 1 : 0
            guard sign != 0, let hours = fields.number(digits: 2) else { return nil }
            _ = fields.take(":")
            guard let minutes = fields.number(digits: 2), hours < 24, minutes < 60 else { return nil }
            offset = sign * (hours * 3600 + minutes * 60)
        }
        guard fields.bytes.isEmpty else { return nil }
        return Double(days * 86400 + hour * 3600 + minute * 60 + second - offset) + fraction
    }

    /// Reads an HTTP date in its preferred form, `Sun, 06 Nov 1994 08:49:37 GMT` (RFC 9110, section 5.6.7).
    ///
    /// - Returns: seconds since the Unix epoch; `nil` for anything else.
    public static func seconds(httpDate text: String) -> Double? {
        let words = text.split(separator: " ")
        guard words.count == 6, let month = UTCTime.months.firstIndex(of: String(words[2])),
            let time = seconds("\(words[3])-\(month < 9 ? "0" : "")\(month + 1)-\(words[1])T\(words[4])"),
            // The day of the week is not checked.
            UTCTime(time).httpDate.dropFirst(3) == text.dropFirst(3)
        else { return nil }
        return time
    }

    /// Days from 1 January 1970 to a date of the Gregorian calendar; `nil` if there is no such date.
    private static func daysSinceEpoch(year: Int, month: Int, day: Int) -> Int? {
        let isLeap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0)
        let lengths = [31, isLeap ? 29 : 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31]
        guard year >= 1, (1...12).contains(month), (1...lengths[month - 1]).contains(day) else { return nil }
        let before = year - 1
        let leapDays = before / 4 - before / 100 + before / 400
        // 719,162 days lie between 1 January of the year 1 and the epoch.
        return before * 365 + leapDays + lengths[..<(month - 1)].reduce(0, +) + day - 1 - 719_162
    }
}

/// The bytes of a text that are not read yet.
private struct Fields {
    var bytes: ArraySlice<UInt8>

    mutating func take(_ character: Unicode.Scalar) -> Bool {
        guard bytes.first == UInt8(ascii: character) else { return false }
        bytes.removeFirst()
        return true
    }

    mutating func number(digits count: Int) -> Int? {
        let digits = bytes.prefix(count)
        guard digits.count == count, digits.allSatisfy(\.isDigit) else { return nil }
        bytes.removeFirst(count)
        return digits.reduce(0) { $0 * 10 + Int($1 - UInt8(ascii: "0")) }
    }
}
