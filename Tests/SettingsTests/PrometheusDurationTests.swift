import Testing

@testable import Settings

struct PrometheusDurationTests {
    @Test(arguments: [
        ("30s", 30_000), ("1m30s", 90_000), ("500ms", 500), ("0", 0), ("0s", 0), ("1h", 3_600_000), ("1d", 86_400_000),
        ("1w2d3h4m5s6ms", 788_645_006), ("1y", 31_536_000_000), ("007s", 7000),
    ])
    func reads(text: String, milliseconds: Int) {
        #expect(PrometheusDuration.parse(text) == .milliseconds(milliseconds))
    }

    @Test(arguments: [
        "", "30", "s", "-1s", "+1s", "1.5s", "1s1m", "1s1s", "1 s", " 1s", "NaN", "1S", "1min", "10us",
        "9999999999999999999s",
        "9999999999999999y", "1m 30s", "٣s", "inf",
    ])
    func rejects(text: String) {
        #expect(PrometheusDuration.parse(text) == nil)
    }

    @Test(arguments: [
        (0, "0s"), (500, "500ms"), (90_000, "1m30s"), (60_000, "1m"), (86_400_000, "1d"), (3_661_001, "1h1m1s1ms"),
    ])
    func writes(milliseconds: Int, text: String) {
        #expect(PrometheusDuration.format(.milliseconds(milliseconds)) == text)
    }
}
