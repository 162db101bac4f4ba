/// Writes metric families as text that Prometheus reads.
///
/// Follows the Prometheus text format 0.0.4 and the OpenMetrics 1.0.0 specification, byte for byte as the reference Go encoder writes
/// them. Families are written one after the other, each with all its samples; a family without a sample leaves no trace.
/// That names are valid and that no series is written twice is the caller's part.
public struct ExpositionWriter: Sendable {
    /// The format written.
    public let format: ExpositionFormat
    /// What has been written so far.
    public private(set) var bytes: [UInt8] = []

    private var family: MetricFamily?
    private var headerIsWritten = false
    /// The current family's name and a brace, as samples with labels begin.
    private var opening: [UInt8] = []

    /// Begins an empty page.
    ///
    /// - Parameter capacity: the size to reserve, in bytes.
    public init(_ format: ExpositionFormat, capacity: Int = 0) {
        self.format = format
        bytes.reserveCapacity(capacity)
    }

    /// Begins a family: the samples that follow belong to it.
    ///
    /// - Parameter continued: whether the family's header stands elsewhere, before what is written here.
    public mutating func begin(_ family: MetricFamily, continued: Bool = false) {
        self.family = family
        headerIsWritten = continued
        opening = family.opening
    }

    /// Forgets what has been written, and keeps the memory for what follows.
    public mutating func clear() {
        bytes.removeAll(keepingCapacity: true)
    }

    /// Writes one sample of a counter or a gauge.
    ///
    /// - Parameter extra: labels that follow `labels`, for those that differ from sample to sample.
    public mutating func sample(_ value: Double, _ labels: Labels = .none, _ extra: Labels = .none) {
        if headerIsWritten && !labels.bytes.isEmpty {
            // Nearly all samples of a large page come this way.
            bytes.append(contentsOf: opening)
            bytes.append(contentsOf: labels.bytes)
            if !extra.bytes.isEmpty {
                bytes.append(UInt8(ascii: ","))
                bytes.append(contentsOf: extra.bytes)
            }
            bytes.append(UInt8(ascii: "}"))
            bytes.append(UInt8(ascii: " "))
        } else {
            writeName(suffix: "", labels, extra)
        }
        bytes.append(value: value, openMetrics: format == .openMetrics)
        bytes.append(UInt8(ascii: "\n"))
    }

    /// Writes the buckets, the sum and the count of one histogram.
    public mutating func sample(_ histogram: Histogram, _ labels: Labels = .none) {
        var cumulative: UInt64 = 0
        for (index, count) in histogram.counts.enumerated() {
            cumulative += count
            let bound = index < histogram.bounds.count ? histogram.bounds[index] : .infinity
            var text: [UInt8] = []
            text.append(value: bound, openMetrics: format == .openMetrics)
            writeName(suffix: "_bucket", labels, Labels(["le": String(decoding: text, as: UTF8.self)]))
            writeCount(cumulative)
        }
        writeName(suffix: "_sum", labels, .none)
        bytes.append(value: histogram.sum, openMetrics: format == .openMetrics)
        bytes.append(UInt8(ascii: "\n"))
        writeName(suffix: "_count", labels, .none)
        writeCount(cumulative)
    }

    /// Ends the page: OpenMetrics wants `# EOF` as its last line.
    public mutating func end() {
        if format == .openMetrics {
            bytes.append(ascii: "# EOF\n")
        }
    }

    /// Counts of a histogram are whole numbers to OpenMetrics, and values like any other to the older format.
    private mutating func writeCount(_ count: UInt64) {
        switch format {
        case .openMetrics: bytes.appendDecimal(count)
        case .text: bytes.append(value: Double(count), openMetrics: false)
        }
        bytes.append(UInt8(ascii: "\n"))
    }

    private mutating func writeName(suffix: StaticString, _ labels: Labels, _ extra: Labels) {
        writeHeader()
        bytes.append(contentsOf: opening.dropLast())
        bytes.append(ascii: suffix)
        if !labels.bytes.isEmpty || !extra.bytes.isEmpty {
            bytes.append(UInt8(ascii: "{"))
            bytes.append(contentsOf: labels.bytes)
            if !labels.bytes.isEmpty && !extra.bytes.isEmpty {
                bytes.append(UInt8(ascii: ","))
            }
            bytes.append(contentsOf: extra.bytes)
            bytes.append(UInt8(ascii: "}"))
        }
        bytes.append(UInt8(ascii: " "))
    }

    /// Writes the current family's header, unless it is there already. Samples do so by themselves.
    public mutating func writeHeader() {
        guard !headerIsWritten else {
            return
        }
        guard let family else {
            preconditionFailure("a sample was written before any family was begun")
        }
        headerIsWritten = true
        bytes.append(contentsOf: family.header(format))
    }
}
