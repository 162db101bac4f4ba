/// The `Date` field's form of a time (RFC 9110, 5.6.7), as in `Sun, 06 Nov 1994 08:49:37 GMT`.
struct HTTPDate: CustomStringConvertible {
    /// Seconds since 1970-01-01T00:00:00Z, not negative.
    let unixSeconds: Int

    private static let days = ["Thu", "Fri", "Sat", "Sun", "Mon", "Tue", "Wed"]
    private static let months = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"]

    var description: String {
        let day = unixSeconds / 86_400
        let second = unixSeconds % 86_400
        let time = [second / 3600, second / 60 % 60, second % 60].map(Self.twoDigits).joined(separator: ":")
        let (year, month, dayOfMonth) = Self.civil(day: day)
        return "\(Self.days[day % 7]), \(Self.twoDigits(dayOfMonth)) \(Self.months[month - 1]) \(year) \(time) GMT"
    }

    private static func twoDigits(_ number: Int) -> String {
        number < 10 ? "0\(number)" : "\(number)"
    }

    /// Year, month and day of month of a day since 1970, in the Gregorian calendar.
    ///
    /// Counted in years that begin in March, so that the leap day is the last of its year.
    private static func civil(day: Int) -> (year: Int, month: Int, day: Int) {
        let sinceYear0 = day + 719_468
        let era = sinceYear0 / 146_097
        let dayOfEra = sinceYear0 % 146_097
        let yearOfEra = (dayOfEra - dayOfEra / 1460 + dayOfEra / 36_524 - dayOfEra / 146_096) / 365
        let dayOfYear = dayOfEra - (365 * yearOfEra + yearOfEra / 4 - yearOfEra / 100)
        let month = (5 * dayOfYear + 2) / 153
        let dayOfMonth = dayOfYear - (153 * month + 2) / 5 + 1
        return (era * 400 + yearOfEra + (month >= 10 ? 1 : 0), month >= 10 ? month - 9 : month + 3, dayOfMonth)
    }
}
