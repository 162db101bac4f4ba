import Testing

@testable import Exposition

/// Every line of `Golden/floats.txt` was written by the reference Go encoder.
struct FloatFormatTests {
    @Test func printsAsTheReferenceEncoder() throws {
        let lines = try golden("floats.txt").split(separator: "\n").filter { !$0.hasPrefix("#") }
        #expect(lines.count > 200)
        for line in lines {
            let fields = line.split(separator: " ")
            let value = Double(bitPattern: try #require(UInt64(fields[0], radix: 16)))
            #expect(written(value, openMetrics: false) == String(fields[1]), "\(fields[0])")
            #expect(written(value, openMetrics: true) == String(fields[2]), "\(fields[0])")
        }
    }

    @Test func wholeNumbersReadBack() throws {
        var number = 1
        while number < 1 << 59 {
            for value in [number - 1, number, number + 1].map(Double.init) {
                #expect(try #require(Double(written(value, openMetrics: false))) == value)
                #expect(try #require(Double(written(-value, openMetrics: true))) == -value)
            }
            number *= 7
        }
    }

    private func written(_ value: Double, openMetrics: Bool) -> String {
        var bytes: [UInt8] = []
        bytes.append(value: value, openMetrics: openMetrics)
        return String(decoding: bytes, as: UTF8.self)
    }
}
