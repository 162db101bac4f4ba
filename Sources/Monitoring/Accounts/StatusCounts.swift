public import HypersenderAPI

/// The number of instances with each status.
public struct StatusCounts: Sendable, Equatable {
    private var counts = [Int](repeating: 0, count: InstanceStatus.allCases.count)

    /// The counts of no instances.
    public init() {}

    /// Counts the instances of a list.
    init(_ instances: [Instance]) {
        let instances = instances.span
        for index in instances.indices { count(instances[index].status) }
    }

    /// Counts one more instance, with this status.
    public mutating func count(_ status: InstanceStatus) {
        counts[status.index] += 1
    }

    /// The number of instances with a status.
    public subscript(status: InstanceStatus) -> Int { counts[status.index] }

    /// The number of all instances.
    public var total: Int { counts.reduce(0, +) }
}

extension InstanceStatus {
    /// The number of the status, from 0. A dictionary of counts takes longer than all else done with a status.
    fileprivate var index: Int {
        switch self {
        case .stopped: 0
        case .starting: 1
        case .working: 2
        case .scanQRCode: 3
        case .failed: 4
        case .pending: 5
        case .unknown: 6
        }
    }
}
