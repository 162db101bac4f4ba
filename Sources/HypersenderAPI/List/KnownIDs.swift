/// A list as it was read, by which the next is read faster: most elements are the same, byte by byte, and so mean the same.
struct ReadList: Sendable {
    let instances: [Instance]
    /// The mark of the element each was read from, or `.none` if it must be read again.
    let marks: [JSONReader.Mark]
}

/// The ids that a list has so far, each with its page, and the instances that the previous list had for them.
struct KnownIDs {
    private let previous: ReadList?
    /// The page that is being read, from 1.
    private var page: Int32 = 0
    /// The pages on which the previous instances are in this list too; 0 for none.
    private var taken: [Int32]
    /// The place of the previous instance that should come next, as lists mostly keep their order.
    private var next = 0
    /// The number of bytes that were looked at in vain, for elements that have changed.
    private var lookedAt = 0
    /// The places of the previous instances, where the order has changed.
    private var places: [ExactText: Int]?
    /// The pages of the ids that are new.
    private var new: [ExactText: Int32] = [:]

    init(_ previous: ReadList?) {
        self.previous = previous
        taken = Array(repeating: 0, count: previous?.instances.count ?? 0)
    }

    /// Takes note that what follows stands on another page.
    mutating func beginPage() {
        page += 1
    }

    /// Takes the previous instance that should come next where it does, unchanged, and passes over its element.
    mutating func takeNext(from reader: inout JSONReader) -> (Instance, JSONReader.Mark)? {
        // Whatever the lists are like, no more is looked at in vain than there is.
        guard let previous, next < taken.count, taken[next] == 0, lookedAt < reader.count else {
            return nil
        }
        guard reader.skip(previous.marks[next]) else {
            lookedAt += previous.marks[next].length
            return nil
        }
        taken[next] = page
        defer { next += 1 }
        return (previous.instances[next], previous.marks[next])
    }

    /// The place of an instance's id in the list.
    enum Found {
        /// It is new. The instance shares what has not changed with the previous list's.
        case new(Instance)
        /// It stands on the page that is being read already.
        case onThisPage
        case onEarlierPage
    }

    /// Takes an instance whose element was read.
    mutating func take(_ instance: Instance) -> Found {
        guard let previous, let place = place(of: instance.id, in: previous.instances) else {
            let id = ExactText(instance.id)
            guard let earlier = new[id] else {
                new[id] = page
                return .new(instance)
            }
            return earlier == page ? .onThisPage : .onEarlierPage
        }
        guard taken[place] == 0 else {
            return taken[place] == page ? .onThisPage : .onEarlierPage
        }
        taken[place] = page
        next = place + 1
        return .new(instance.sharing(previous.instances[place]))
    }

    private mutating func place(of id: String, in instances: [Instance]) -> Int? {
        let id = ExactText(id)
        if next < instances.count, ExactText(instances[next].id) == id {
            return next
        }
        if places == nil {
            places = Dictionary(
                uniqueKeysWithValues: zip(instances.lazy.map { ExactText($0.id) }, instances.indices))
        }
        return places?[id]
    }
}
