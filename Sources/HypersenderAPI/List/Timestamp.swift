/// Reads the spellings of a point in time that the API and the frameworks around it use.
enum Timestamp {
    /// Seconds since the Unix epoch of `2025-05-26T10:12:45`, `2025-01-21 18:41:43` or `2020-02-18T07:42:08.000000Z`; also with an offset
    /// such as `+02:00`. Without a zone it is read as UTC. Nil for anything else.
    static func seconds(_ text: String) -> Double? {
        var fields = Fields(text)
        guard let year = fields.number(digits: 4), fields.take("-"), let month = fields.number(digits: 2),
            fields.take("-"), let day = fields.number(digits: 2), fields.take("T") || fields.take(" "),
            let hour = fields.number(digits: 2), fields.take(":"), let minute = fields.number(digits: 2),
            fields.take(":"), let second = fields.number(digits: 2), hour < 24, minute < 60, second < 60,
            let days = daysSinceEpoch(year: year, month: month, day: day)
        else {
            return nil
        }
        var fraction = 0.0
        if fields.take(".") {
            guard let digits = fields.digits(), let value = Double("0." + digits) else {
                return nil
            }
            fraction = value
        }
        var offset = 0
        if !fields.take("Z") && !fields.take("z"), !fields.isAtEnd {
            let sign = fields.take("-") ? -1 : fields.take("+") ? 1 : 0
            guard sign != 0, let hours = fields.number(digits: 2) else {
                return nil
            }
            _ = fields.take(":")
            guard let minutes = fields.number(digits: 2), hours < 24, minutes < 60 else {
                return nil
            }
            offset = sign * (hours * 3600 + minutes * 60)
        }
        guard fields.isAtEnd else {
            return nil
        }
        return Double(days * 86400 + hour * 3600 + minute * 60 + second - offset) + fraction
    }

    /// Seconds since the Unix epoch of an HTTP date in its preferred form, `Sun, 06 Nov 1994 08:49:37 GMT` (RFC 9110, section 5.6.7).
    static func seconds(httpDate text: String) -> Double? {
        let months: [StaticString] = [
            "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec",
        ]
        guard let comma = text.utf8.firstIndex(of: UInt8(ascii: ",")) else {
            return nil
        }
        var fields = Fields(text[text.utf8.index(after: comma)...])
        guard fields.take(" "), let day = fields.number(digits: 2), fields.take(" "),
            let month = months.firstIndex(where: { fields.take($0) }), fields.take(" "),
            let year = fields.number(digits: 4), fields.take(" "), let hour = fields.number(digits: 2),
            fields.take(":"), let minute = fields.number(digits: 2), fields.take(":"),
            let second = fields.number(digits: 2), fields.take(" GMT"), fields.isAtEnd, hour < 24, minute < 60,
            second <= 60, let days = daysSinceEpoch(year: year, month: month + 1, day: day)
        else {
            return nil
        }
        return Double(days * 86400 + hour * 3600 + minute * 60 + second)
    }

    /// Days from 1 January 1970 to a date of the Gregorian calendar; nil where there is no such date.
    private static func daysSinceEpoch(year: Int, month: Int, day: Int) -> Int? {
        let isLeap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0)
        let lengths = [31, isLeap ? 29 : 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31]
        guard year >= 1, (1...12).contains(month), (1...lengths[month - 1]).contains(day) else {
            return nil
        }
        let before = year - 1
        let leapDays = before / 4 - before / 100 + before / 400
        // 719,162 days lie between 1 January of the year 1 and the epoch.
        return before * 365 + leapDays + lengths[..<(month - 1)].reduce(0, +) + day - 1 - 719_162
    }

    /// Takes fixed-width fields off the front of a text.
    private struct Fields {
        private let bytes: [UInt8]
        private var position = 0

        init(_ text: some StringProtocol) {
            bytes = Array(text.utf8)
        }

        var isAtEnd: Bool {
            position == bytes.count
        }

        mutating func take(_ text: StaticString) -> Bool {
            let count = text.utf8CodeUnitCount
            guard bytes.count - position >= count else {
                return false
            }
            let matches = text.withUTF8Buffer { text in
                for index in text.indices where bytes[position + index] != text[index] {
                    return false
                }
                return true
            }
            position += matches ? count : 0
            return matches
        }

        mutating func number(digits count: Int) -> Int? {
            guard bytes.count - position >= count else {
                return nil
            }
            var number = 0
            for index in position..<(position + count) {
                guard Self.isDigit(bytes[index]) else {
                    return nil
                }
                number = number * 10 + Int(bytes[index] - UInt8(ascii: "0"))
            }
            position += count
            return number
        }

        /// All digits up to the next other character; nil where there is none.
        mutating func digits() -> String? {
            let field = bytes[position...].prefix(while: Self.isDigit)
            position += field.count
            return field.isEmpty ? nil : String(decoding: field, as: UTF8.self)
        }

        private static func isDigit(_ byte: UInt8) -> Bool {
            (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte)
        }
    }
}
