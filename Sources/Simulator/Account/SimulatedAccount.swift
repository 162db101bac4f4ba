/// A simulated account: its instances and their statuses at one time.
///
/// A pure value. Seed, size and elapsed time determine every field of every instance; an instance does not depend on
/// the number of others, nor on the steps in which the account was advanced.
struct SimulatedAccount: Sendable {
    private struct Member: Sendable {
        let identity: InstanceIdentity
        var process: StatusProcess
    }

    private let seed: UInt64
    private var members: [Member] = []
    private var nextSerial = 0
    /// The time before which no status changes by itself; `nil` if none ever does.
    private var earliestChange: Duration?

    /// The time since the start of the simulation, to which the account has been advanced.
    private(set) var elapsed: Duration = .zero

    /// An account at time zero. The same seed gives the same account.
    init(instances: Int, seed: UInt64) {
        self.seed = seed
        members.reserveCapacity(instances)
        for _ in 0..<max(0, instances) {
            append(Self.initialStatus(serial: nextSerial, seed: seed))
        }
        findEarliestChange()
    }

    var count: Int { members.count }

    /// Every instance at its present status, in a constant order.
    var instances: [SimulatedInstance] {
        members.indices.map { self[$0] }
    }

    /// The instance at `index`, which must be in `0..<count`.
    subscript(index: Int) -> SimulatedInstance {
        let (identity, process) = (members[index].identity, members[index].process)
        return SimulatedInstance(
            id: identity.id, name: identity.name, phone: identity.phone, status: process.status,
            accessToken: process.isConnected ? identity.accessToken : nil, createdAt: identity.createdAt)
    }

    func index(ofID id: String) -> Int? {
        members.firstIndex { $0.identity.id == id }
    }

    /// Whether advancing to this time would change anything.
    func isDue(at elapsed: Duration) -> Bool {
        earliestChange.map { $0 <= elapsed } ?? false
    }

    /// Applies every change of status due by `elapsed`. An earlier time than before changes nothing.
    ///
    /// - Returns: whether an answer would change.
    @discardableResult
    mutating func advance(to elapsed: Duration) -> Bool {
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

    /// Puts the instance at `index` into a status; with `hold` it stays there until it is set again.
    mutating func setStatus(_ status: SimulatedStatus, at index: Int, hold: Bool = true) {
        members[index].process.set(status, at: elapsed, hold: hold)
        findEarliestChange()
    }

    /// Adds PENDING instances at the end, with ids that no other ever had.
    mutating func add(_ count: Int = 1) {
        for _ in 0..<max(0, count) {
            append(.pending)
        }
        findEarliestChange()
    }

    /// Removes the instance at `index`, which must be in `0..<count`.
    mutating func remove(at index: Int) {
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
        earliestChange = members.lazy.compactMap { $0.process.nextChange }.min()
    }

    /// Each dozen has one instance of every kind of trouble, at places that the seed chooses; the others are WORKING.
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
