/// Counts of observations in buckets with fixed upper bounds.
public struct Histogram: Sendable, Equatable {
    /// Upper bounds, inclusive, ascending; the bucket without a bound is not among them.
    public let bounds: [Double]
    /// The number of observations in each bucket alone; the last is the one without a bound.
    private(set) var counts: [UInt64]
    /// The sum of all observations.
    public private(set) var sum: Double = 0

    /// An empty histogram with the ascending upper bounds given, infinity not among them.
    public init(bounds: [Double]) {
        self.bounds = bounds
        self.counts = Array(repeating: 0, count: bounds.count + 1)
    }

    /// The number of observations.
    public var count: UInt64 {
        counts.reduce(0, +)
    }

    /// Counts one observation.
    public mutating func observe(_ value: Double) {
        counts[bounds.firstIndex { value <= $0 } ?? bounds.count] += 1
        sum += value
    }
}
