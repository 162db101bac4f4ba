/// Writes metric families as text that Prometheus reads.
///
/// Follows the Prometheus text format 0.0.4 and OpenMetrics 1.0.0, byte for byte as the reference Go encoder does.
/// Families are written one after the other, each with all its samples; one without samples is left out.
/// The caller must see to it that names are valid and that no series is written twice.
public struct ExpositionWriter: Sendable {
    /// The format written.
    let format: ExpositionFormat
    /// The text written so far.
    public private(set) var bytes: [UInt8] = []
    /// Labels of the samples that follow, until others are set.
    public var labels = Labels.none

    /// The current family's name.
    private var name: [UInt8] = []
    /// The current family's header, until it is written.
    private var header: [UInt8] = []

    /// Begins an empty text.
    public init(_ format: ExpositionFormat) {
        self.format = format
        bytes.reserveCapacity(8 << 10)
    }

    /// Begins a family: the samples that follow belong to it. Its header is written before its first sample.
    ///
    /// - Parameter header: false if the family's header stands elsewhere, before the text written here.
    public mutating func begin(_ family: MetricFamily, header: Bool = true) {
        name = Array(family.name.utf8)
        self.header = header ? family.header(format) : []
    }

    /// Returns the text written so far and begins an empty one, which keeps the memory.
    public mutating func take<Result>(_ body: ([UInt8]) -> Result) -> Result {
        defer { bytes.removeAll(keepingCapacity: true) }
        return body(bytes)
    }

    /// Writes one sample of a counter or a gauge.
    ///
    /// - Parameter extra: labels of this sample alone, which follow the others.
    public mutating func sample(_ value: Double, _ extra: Labels = .none) {
        writeName(suffix: "", extra)
        bytes.append(value: value, openMetrics: format == .openMetrics)
        bytes.append(UInt8(ascii: "\n"))
    }

    /// Writes the buckets, the sum and the count of a histogram.
    public mutating func sample(_ histogram: Histogram) {
        var cumulative: UInt64 = 0
        for (index, count) in histogram.counts.enumerated() {
            cumulative += count
            let bound = index < histogram.bounds.count ? histogram.bounds[index] : .infinity
            var text: [UInt8] = []
            text.append(value: bound, openMetrics: format == .openMetrics)
            writeName(suffix: "_bucket", Labels(["le": String(decoding: text, as: UTF8.self)]))
            writeCount(cumulative)
        }
        writeName(suffix: "_sum")
        bytes.append(value: histogram.sum, openMetrics: format == .openMetrics)
        bytes.append(UInt8(ascii: "\n"))
        writeName(suffix: "_count")
        writeCount(cumulative)
    }

    /// Ends the page: OpenMetrics wants `# EOF` as its last line.
    public mutating func end() {
        if format == .openMetrics { bytes.append(ascii: "# EOF\n") }
    }

    /// Writes a count of a histogram: a whole number in OpenMetrics, a value like any other in the older format.
    private mutating func writeCount(_ count: UInt64) {
        switch format {
        case .openMetrics: bytes.appendDecimal(count)
        case .text: bytes.append(value: Double(count), openMetrics: false)
        }
        bytes.append(UInt8(ascii: "\n"))
    }

    private mutating func writeName(suffix: StaticString = "", _ extra: Labels = .none) {
        precondition(!name.isEmpty, "a sample was written before any family was begun")
        if !header.isEmpty {
            bytes.append(contentsOf: header)
            header = []
        }
        bytes.append(contentsOf: name)
        if suffix.utf8CodeUnitCount > 0 { bytes.append(ascii: suffix) }
        if labels.bytes.isEmpty && extra.bytes.isEmpty {
            bytes.append(UInt8(ascii: " "))
            return
        }
        bytes.append(UInt8(ascii: "{"))
        bytes.append(contentsOf: labels.bytes)
        if !labels.bytes.isEmpty && !extra.bytes.isEmpty { bytes.append(UInt8(ascii: ",")) }
        bytes.append(contentsOf: extra.bytes)
        bytes.append(ascii: "} ")
    }
}
