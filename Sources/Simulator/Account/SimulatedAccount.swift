/// A simulated account: its instances and their statuses at one time.
///
/// A pure value. Seed, size and elapsed time determine every field of every instance; an instance does not depend on how
/// many others there are, nor on how often or in which steps the account was advanced.
public struct SimulatedAccount: Sendable {
    private struct Member: Sendable {
        let identity: InstanceIdentity
        var process: StatusProcess
    }

    private let seed: UInt64
    private var members: [Member] = []
    private var nextSerial = 0
    /// No status changes by itself before this time.
    private var earliestChange: Duration?

    /// How far the account has been advanced, counted from the start of the simulation.
    public private(set) var elapsed: Duration = .zero

    /// An account at time zero.
    ///
    /// - Parameters:
    ///   - instances: how many, zero or more.
    ///   - seed: determines everything; the same seed gives the same account.
    public init(instances: Int, seed: UInt64) {
        self.seed = seed
        members.reserveCapacity(instances)
        for _ in 0..<max(0, instances) {
            append(Self.initialStatus(serial: nextSerial, seed: seed))
        }
        findEarliestChange()
    }

    /// How many instances there are.
    public var count: Int { members.count }

    /// Every instance as it is now, in an order that stays.
    public var instances: [SimulatedInstance] {
        members.indices.map { self[$0] }
    }

    /// The instance at `index`, which must be in `0..<count`.
    public subscript(index: Int) -> SimulatedInstance {
        let member = members[index]
        return SimulatedInstance(
            id: member.identity.id, name: member.identity.name, phone: member.identity.phone,
            status: member.process.status, accessToken: member.process.isConnected ? member.identity.accessToken : nil,
            createdAt: member.identity.createdAt)
    }

    /// Where the instance with this id is, or nil.
    public func index(ofID id: String) -> Int? {
        members.firstIndex { $0.identity.id == id }
    }

    /// Whether advancing to this time would change anything.
    func isDue(at elapsed: Duration) -> Bool {
        earliestChange.map { $0 <= elapsed } ?? false
    }

    /// Lets time pass: applies every change of status due by `elapsed`. A time that is past already changes nothing.
    ///
    /// - Returns: whether anything an answer shows has changed.
    @discardableResult
    public mutating func advance(to elapsed: Duration) -> Bool {
        guard elapsed > self.elapsed else { return false }
        self.elapsed = elapsed
        guard isDue(at: elapsed) else { return false }
        var changed = false
        for index in members.indices {
            guard let due = members[index].process.nextChange, due <= elapsed else { continue }
            let before = (members[index].process.status, members[index].process.isConnected)
            members[index].process.advance(to: elapsed)
            if before != (members[index].process.status, members[index].process.isConnected) { changed = true }
        }
        findEarliestChange()
        return changed
    }

    /// Puts one instance into a status.
    ///
    /// - Parameters:
    ///   - status: the new status. WORKING gives the instance its access token, SCAN_QR_CODE takes it away.
    ///   - index: which instance, in `0..<count`.
    ///   - hold: whether the status stays until it is set again; else the instance's life goes on from there.
    public mutating func setStatus(_ status: SimulatedStatus, at index: Int, hold: Bool = true) {
        members[index].process.set(status, at: elapsed, hold: hold)
        findEarliestChange()
    }

    /// Adds new instances at the end, each PENDING, with ids no other ever had.
    public mutating func add(_ count: Int = 1) {
        for _ in 0..<max(0, count) {
            append(.pending)
        }
        findEarliestChange()
    }

    /// Removes the instance at `index`, which must be in `0..<count`, for good.
    public mutating func remove(at index: Int) {
        members.remove(at: index)
        findEarliestChange()
    }

    private mutating func append(_ status: SimulatedStatus) {
        let serial = nextSerial
        nextSerial += 1
        let generator = SeededGenerator(seed: seed, stream: UInt64(serial) &* 2 &+ 1)
        members.append(
            Member(
                identity: InstanceIdentity(serial: serial, seed: seed),
                process: StatusProcess(status: status, at: elapsed, generator: generator)))
    }

    private mutating func findEarliestChange() {
        var earliest: Duration?
        for member in members {
            guard let due = member.process.nextChange else { continue }
            earliest = earliest.map { min($0, due) } ?? due
        }
        earliestChange = earliest
    }

    /// In each dozen one instance of every kind of trouble, at places the seed chooses, so that even a short
    /// demonstration shows them; the others are WORKING.
    private static func initialStatus(serial: Int, seed: UInt64) -> SimulatedStatus {
        var generator = SeededGenerator(seed: seed, stream: ~UInt64(serial / 12))
        var places = Array(0..<12)
        for index in places.indices.dropLast() {
            places.swapAt(index, index + generator.below(12 - index))
        }
        let troubles: [SimulatedStatus] = [.scanQRCode, .stopped, .failed, .pending]
        let place = places[serial % 12]
        return place < troubles.count ? troubles[place] : .working
    }
}
