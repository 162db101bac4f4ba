/// Counts of observations in buckets with fixed upper bounds.
public struct Histogram: Sendable, Equatable {
    /// The inclusive, ascending upper bounds; infinity is not among them.
    let bounds: [Double]
    /// The number of observations in each bucket alone; the last has no bound.
    private(set) var counts: [UInt64]
    /// The sum of all observations.
    private(set) var sum: Double = 0

    /// Creates an empty histogram with ascending upper bounds, infinity not among them.
    public init(bounds: [Double]) {
        self.bounds = bounds
        counts = Array(repeating: 0, count: bounds.count + 1)
    }

    /// Counts one observation.
    public mutating func observe(_ value: Double) {
        counts[bounds.firstIndex { value <= $0 } ?? bounds.count] += 1
        sum += value
    }
}
