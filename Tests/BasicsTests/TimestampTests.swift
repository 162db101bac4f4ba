import Basics
import Testing

struct TimestampTests {
    @Test(arguments: [
        ("2025-05-26T10:12:45", 1_748_254_365), ("2025-01-21 18:41:43", 1_737_484_903),
        ("2020-02-18T07:42:08.000000Z", 1_582_011_728), ("2020-02-18T07:42:08.5Z", 1_582_011_728.5),
        ("2025-05-26T10:12:45+02:00", 1_748_247_165), ("2025-05-26T10:12:45-0130", 1_748_259_765),
        ("1970-01-01T00:00:00Z", 0), ("1969-12-31T23:59:59Z", -1), ("2024-02-29T00:00:00", 1_709_164_800),
        ("2000-02-29 12:00:00", 951_825_600), ("2038-01-19T03:14:08Z", 2_147_483_648),
        ("0001-01-01T00:00:00Z", -62_135_596_800),
    ])
    func reads(text: String, seconds: Double) {
        #expect(Timestamp.seconds(text) == seconds)
    }

    @Test(arguments: [
        "", "now", "2025-05-26", "2025-13-01T00:00:00", "2025-00-10T00:00:00", "2025-02-29T00:00:00",
        "1900-02-29T00:00:00",
        "2025-05-26T24:00:00", "2025-05-26T10:60:00", "2025-05-26T10:12:60", "2025-05-26T10:12:45.",
        "2025-05-26T10:12:45 ",
        "2025-05-26T10:12:45Zx", "2025-05-26T10:12:45+2", "2025-05-26T10:12:45+25:00", "25-05-26T10:12:45",
        "0000-01-01T00:00:00",
        "２025-05-26T10:12:45", "2025-05-26t10:12:45", "1748254365", "-025-05-26T10:12:45",
    ])
    func rejects(text: String) {
        #expect(Timestamp.seconds(text) == nil)
    }

    @Test(
        arguments: [
            ("Sun, 06 Nov 1994 08:49:37 GMT", 784_111_777), ("Mon, 26 May 2025 10:12:45 GMT", 1_748_254_365),
            ("Sunday, 06-Nov-94 08:49:37 GMT", nil), ("Sun Nov  6 08:49:37 1994", nil),
            ("Sun, 06 Nov 1994 08:49:37 UTC", nil),
            ("Sun, 31 Feb 2025 08:49:37 GMT", nil), ("", nil),
        ] as [(String, Double?)])
    func readsHTTPDates(text: String, seconds: Double?) {
        #expect(Timestamp.seconds(httpDate: text) == seconds)
    }

    @Test(arguments: [
        (0, "Thu, 01 Jan 1970 00:00:00 GMT"),
        (784_111_777, "Sun, 06 Nov 1994 08:49:37 GMT"),
        (951_782_399, "Mon, 28 Feb 2000 23:59:59 GMT"),
        (951_782_400, "Tue, 29 Feb 2000 00:00:00 GMT"),
        (951_868_800, "Wed, 01 Mar 2000 00:00:00 GMT"),
        (1_735_689_599, "Tue, 31 Dec 2024 23:59:59 GMT"),
        (1_735_689_600, "Wed, 01 Jan 2025 00:00:00 GMT"),
        (4_107_542_400, "Mon, 01 Mar 2100 00:00:00 GMT"),
    ])
    func writesHTTPDates(seconds: Double, text: String) {
        #expect(UTCTime(seconds).httpDate == text)
    }

    @Test(arguments: [
        (0.0, "1970-01-01 00:00:00 UTC"), (951_827_696, "2000-02-29 12:34:56 UTC"),
        (1_772_373_600.9, "2026-03-01 14:00:00 UTC"), (-5, "1970-01-01 00:00:00 UTC"),
        (1e300, "9999-12-31 23:59:59 UTC"), (.nan, "1970-01-01 00:00:00 UTC"),
    ])
    func writesTimesInUTC(unix: Double, text: String) {
        #expect(UTCTime(unix).full == text)
    }
}
