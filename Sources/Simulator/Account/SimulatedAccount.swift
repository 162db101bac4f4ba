/// A simulated account: its instances and their statuses at one time.
///
/// A pure value. Seed, size and elapsed time determine every field of every instance; an instance does not depend on
/// the number of others, nor on the steps in which the account was advanced.
struct SimulatedAccount: Sendable {
    private let seed: UInt64
    /// The instances as they are while connected, and their statuses over time.
    private var members: [(instance: SimulatedInstance, process: StatusProcess)] = []
    private var nextSerial = 0

    /// The time since the start of the simulation, to which the account has been advanced.
    private(set) var elapsed: Duration = .zero

    /// An account at time zero. The same seed gives the same account.
    init(instances: Int, seed: UInt64) {
        self.seed = seed
        for serial in 0..<max(0, instances) {
            append(Self.initialStatus(serial: serial, seed: seed))
        }
    }

    var count: Int { members.count }

    /// Every instance at its present status, in a constant order.
    var instances: [SimulatedInstance] {
        members.indices.map { self[$0] }
    }

    /// The instance at `index`, which must be in `0..<count`.
    subscript(index: Int) -> SimulatedInstance {
        var (instance, process) = members[index]
        instance.status = process.status
        if !process.isConnected { instance.accessToken = nil }
        return instance
    }

    func index(ofID id: String) -> Int? {
        members.firstIndex { $0.instance.id == id }
    }

    /// Applies every change of status due by `elapsed`. An earlier time than before changes nothing.
    mutating func advance(to elapsed: Duration) {
        self.elapsed = max(elapsed, self.elapsed)
        for index in members.indices { members[index].process.advance(to: elapsed) }
    }

    /// Puts the instance at `index` into a status; with `hold` it stays there until it is set again.
    mutating func setStatus(_ status: SimulatedStatus, at index: Int, hold: Bool = true) {
        members[index].process.set(status, at: elapsed, hold: hold)
    }

    /// Adds PENDING instances at the end, with ids that no other ever had.
    mutating func add(_ count: Int) {
        for _ in 0..<count { append(.pending) }
    }

    /// Removes the instance at `index`, which must be in `0..<count`.
    mutating func remove(at index: Int) {
        members.remove(at: index)
    }

    private mutating func append(_ status: SimulatedStatus) {
        let generator = SeededGenerator(seed: seed, stream: UInt64(nextSerial) &* 2 &+ 1)
        let process = StatusProcess(status: status, at: elapsed, generator: generator)
        members.append((SimulatedInstance(serial: nextSerial, seed: seed), process))
        nextSerial += 1
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
