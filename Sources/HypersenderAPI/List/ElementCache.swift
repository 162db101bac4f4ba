/// A list as it was read, which lets the next one skip unchanged elements.
struct ReadList: Sendable {
    var instances: [Instance] = []
    /// The fingerprint of the element that each was read from, or of no bytes if it must be read again.
    var fingerprints: [Fingerprint] = []
}

/// Gathers the instances of a list, and takes over those of the previous list whose elements have not changed.
struct ElementCache {
    /// The list so far.
    private(set) var read = ReadList()
    private let previous: ReadList
    /// The page that is being read, from 1.
    private var page: Int32 = 0
    /// The page on which each previous instance was found; 0 for none.
    private var found: [Int32]
    /// The index of the previous instance that is expected next: lists mostly keep their order.
    private var next = 0
    /// The bytes that were hashed for elements that have changed.
    private var hashedInVain = 0
    /// The indices of the previous instances; needed once the order has changed.
    private lazy var indices = Dictionary(
        uniqueKeysWithValues: zip(previous.instances.lazy.map { UTF8Key($0.id) }, previous.instances.indices))
    /// The pages of the ids that are new.
    private var new: [UTF8Key: Int32] = [:]

    init(_ previous: ReadList) {
        self.previous = previous
        found = Array(repeating: 0, count: previous.instances.count)
    }

    /// Begins a page of about so many elements.
    mutating func beginPage(expecting count: Int) {
        page += 1
        // To grow step by step would copy everything several times.
        read.instances.reserveCapacity(read.instances.count + count)
        read.fingerprints.reserveCapacity(read.instances.count + count)
    }

    /// Skips the next element if it is the one that is expected, unchanged, and takes over its instance.
    mutating func skipUnchanged(_ reader: inout JSONReader) -> Bool {
        // However the lists differ, no more bytes are hashed in vain than the page has.
        guard next < found.count, found[next] == 0, hashedInVain < reader.bytes.count else { return false }
        let fingerprint = previous.fingerprints[next]
        guard reader.skipObject(fingerprint) else {
            hashedInVain += fingerprint.length
            return false
        }
        found[next] = page
        read.instances.append(previous.instances[next])
        read.fingerprints.append(fingerprint)
        next += 1
        return true
    }

    /// The earlier place of an instance's id in the list.
    enum Place { case none, thisPage, earlierPage }

    /// Adds an instance unless its id is in the list already. It shares with the previous list what has not changed.
    ///
    /// - Returns: The place of its id before.
    mutating func add(_ instance: Instance, _ fingerprint: Fingerprint) -> Place {
        let id = UTF8Key(instance.id)
        let index = previousIndex(of: id)
        let earlier = index.map { found[$0] } ?? new[id] ?? 0
        guard earlier == 0 else { return earlier == page ? .thisPage : .earlierPage }
        if let index {
            found[index] = page
            next = index + 1
        } else {
            new[id] = page
        }
        read.instances.append(index.map { instance.sharing(previous.instances[$0]) } ?? instance)
        read.fingerprints.append(fingerprint)
        return .none
    }

    private mutating func previousIndex(of id: UTF8Key) -> Int? {
        if next < found.count, UTF8Key(previous.instances[next].id) == id { return next }
        return found.isEmpty ? nil : indices[id]
    }
}

/// A fingerprint of some bytes: their number, and a hash with a key of this process.
///
/// Other bytes have the same one with a chance of one in 2^64.
struct Fingerprint: Sendable, Equatable {
    /// In bytes.
    let length: Int
    private let hash: Int

    init(_ bytes: ArraySlice<UInt8>) {
        var hasher = Hasher()
        bytes.withUnsafeBytes { hasher.combine(bytes: $0) }
        (length, hash) = (bytes.count, hasher.finalize())
    }
}

extension JSONReader {
    /// Skips the next value if it is the object with this fingerprint, and returns whether it is.
    fileprivate mutating func skipObject(_ fingerprint: Fingerprint) -> Bool {
        let end = position + fingerprint.length
        guard fingerprint.length > 0, end <= bytes.count, bytes[end - 1] == UInt8(ascii: "}"),
            Fingerprint(bytes[position..<end]) == fingerprint
        else { return false }
        position = end
        return true
    }
}
