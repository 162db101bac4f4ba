import Testing

@testable import Exposition

struct ExpositionWriterTests {
    private let gauge = MetricFamily("temperature_seconds", .gauge, help: #"Says "how warm"\how long."#)
    private let counter = MetricFamily("things_total", .counter, help: "Things.")
    private let plain = MetricFamily("plain", .gauge, help: "Plain.")

    private func page(_ format: ExpositionFormat) -> String {
        var writer = ExpositionWriter(format)
        writer.begin(gauge)
        writer.labels = Labels(["room": "a\"b\\c\nd"])
        writer.sample(1.5)
        writer.labels = Labels(["room": "é😀"])
        writer.sample(1_748_254_365, Labels(["side": "left"]))
        writer.begin(counter)
        writer.labels = .none
        writer.sample(3, Labels(["only": "extra"]))
        writer.begin(MetricFamily("nobody_total", .counter, help: "Nothing to say."))
        writer.begin(plain)
        writer.sample(1_000_000)
        var histogram = Histogram(bounds: [0.1, 1, 10])
        for value in [0.1, 0.5, 0.5, 99] {
            histogram.observe(value)
        }
        writer.begin(MetricFamily("wait_seconds", .histogram, help: "Waits."))
        writer.labels = Labels(["account": "acme"])
        writer.sample(histogram)
        writer.end()
        return String(decoding: writer.bytes, as: UTF8.self)
    }

    @Test func writesText() {
        #expect(
            page(.text) == #"""
                # HELP temperature_seconds Says "how warm"\\how long.
                # TYPE temperature_seconds gauge
                temperature_seconds{room="a\"b\\c\nd"} 1.5
                temperature_seconds{room="é😀",side="left"} 1.748254365e+09
                # HELP things_total Things.
                # TYPE things_total counter
                things_total{only="extra"} 3
                # HELP plain Plain.
                # TYPE plain gauge
                plain 1e+06
                # HELP wait_seconds Waits.
                # TYPE wait_seconds histogram
                wait_seconds_bucket{account="acme",le="0.1"} 1
                wait_seconds_bucket{account="acme",le="1"} 3
                wait_seconds_bucket{account="acme",le="10"} 3
                wait_seconds_bucket{account="acme",le="+Inf"} 4
                wait_seconds_sum{account="acme"} 100.1
                wait_seconds_count{account="acme"} 4

                """#)
    }

    @Test func writesOpenMetrics() {
        #expect(
            page(.openMetrics) == #"""
                # HELP temperature_seconds Says \"how warm\"\\how long.
                # TYPE temperature_seconds gauge
                # UNIT temperature_seconds seconds
                temperature_seconds{room="a\"b\\c\nd"} 1.5
                temperature_seconds{room="é😀",side="left"} 1.748254365e+09
                # HELP things Things.
                # TYPE things counter
                things_total{only="extra"} 3.0
                # HELP plain Plain.
                # TYPE plain gauge
                plain 1e+06
                # HELP wait_seconds Waits.
                # TYPE wait_seconds histogram
                # UNIT wait_seconds seconds
                wait_seconds_bucket{account="acme",le="0.1"} 1
                wait_seconds_bucket{account="acme",le="1.0"} 3
                wait_seconds_bucket{account="acme",le="10.0"} 3
                wait_seconds_bucket{account="acme",le="+Inf"} 4
                wait_seconds_sum{account="acme"} 100.1
                wait_seconds_count{account="acme"} 4
                # EOF

                """#)
    }

    @Test func anEmptyPageHasOnlyItsEnd() {
        var text = ExpositionWriter(.text)
        text.end()
        #expect(text.bytes.isEmpty)
        var openMetrics = ExpositionWriter(.openMetrics)
        openMetrics.end()
        #expect(openMetrics.bytes == Array("# EOF\n".utf8))
    }

    @Test func aTextCanLeaveItsHeadersToOthers() {
        var writer = ExpositionWriter(.text)
        var texts: [String] = []
        for header in [false, true] {
            writer.begin(plain, header: header)
            writer.sample(1)
            writer.sample(2)
            writer.take { texts.append(String(decoding: $0, as: UTF8.self)) }
        }
        let header = String(decoding: plain.header(.text), as: UTF8.self)
        #expect(texts == ["plain 1\nplain 2\n", header + "plain 1\nplain 2\n"])
    }

    @Test func metricsAreFilledBySubjects() {
        let lengths = Metric<String>("length", .gauge, help: "Length.") { $0.isEmpty ? nil : Double($0.count) }
        let letters = Metric<String>("letter", .gauge, labels: ["letter"], help: "Letters.") { text, writer in
            for letter in text {
                writer.sample(1, Labels(["letter": "\(letter)"]))
            }
        }
        var writer = ExpositionWriter(.text)
        for metric in [lengths, letters] {
            writer.begin(metric.family, header: false)
            for subject in ["ab", ""] {
                metric.write(subject, &writer)
            }
        }
        #expect(
            String(decoding: writer.bytes, as: UTF8.self)
                == "length 2\nletter{letter=\"a\"} 1\nletter{letter=\"b\"} 1\n")
    }

    @Test(
        arguments: [
            ("process_cpu_seconds_total", MetricType.counter, "process_cpu_seconds", "seconds"),
            ("memory_bytes", .gauge, "memory_bytes", "bytes"), ("seconds", .gauge, "seconds", nil),
            ("a_total", .gauge, "a_total", nil), ("requests_total", .counter, "requests", nil),
        ] as [(String, MetricType, String, String?)])
    func familiesKnowTheirUnit(name: String, type: MetricType, openMetricsName: String, unit: String?) {
        let family = MetricFamily(name, type, help: "")
        let unitLine = unit.map { "# UNIT \(openMetricsName) \($0)\n" } ?? ""
        #expect(
            String(decoding: family.header(.openMetrics), as: UTF8.self)
                == "# HELP \(openMetricsName) \n# TYPE \(openMetricsName) \(type.rawValue)\n\(unitLine)")
    }
}
