import Testing

@testable import Exposition

/// Every line of `Golden/escapes.txt` was written by the reference Go encoder.
struct LabelsTests {
    @Test func escapesAsTheReferenceEncoder() throws {
        let lines = try golden("escapes.txt").split(separator: "\n").filter { !$0.hasPrefix("#") }
        #expect(lines.count > 10)
        for line in lines {
            let fields = try line.split(separator: " ").map { try bytes($0) }
            let raw = try #require(String(validating: fields[0], as: UTF8.self))
            var label = Labels()
            label.append("l", raw)
            #expect(label.bytes == Array("l=\"".utf8) + fields[1] + Array("\"".utf8), "\(line)")
            for (format, expected) in [(ExpositionFormat.text, fields[2]), (.openMetrics, fields[3])] {
                var writer = ExpositionWriter(format)
                writer.begin(MetricFamily("m", .gauge, help: raw))
                writer.sample(1)
                #expect(
                    writer.bytes.starts(with: Array("# HELP m ".utf8) + expected + Array("\n# TYPE".utf8)), "\(line)")
            }
        }
    }

    @Test func standInTheOrderGiven() {
        #expect(Labels(["b": "1", "a": "2"]).bytes == Array(#"b="1",a="2""#.utf8))
        #expect(Labels().bytes.isEmpty)
    }

    private func bytes(_ hex: Substring) throws -> [UInt8] {
        if hex == "-" {
            return []
        }
        return try stride(from: 0, to: hex.utf8.count, by: 2).map { offset in
            let start = hex.utf8.index(hex.startIndex, offsetBy: offset)
            return try #require(UInt8(hex[start..<hex.utf8.index(start, offsetBy: 2)], radix: 16))
        }
    }
}
