/// What waits for its turn: a line for each client, and the lines are served in turn. Holds only so much.
struct FairQueue<Element> {
    private var lines: [ClientAddress: [Element]] = [:]
    /// The clients that have a line, the next to be served first.
    private var turns: [ClientAddress] = []
    private let capacity: Int
    private(set) var count = 0

    init(capacity: Int) {
        self.capacity = capacity
    }

    /// Puts one at the end of its client's line.
    ///
    /// - Returns: the one that finds no place: the last of the longest line.
    mutating func append(_ element: Element, of client: ClientAddress) -> Element? {
        if lines[client] == nil {
            turns.append(client)
        }
        lines[client, default: []].append(element)
        count += 1
        guard count > capacity, let longest = turns.max(by: { length($0) < length($1) }) else {
            return nil
        }
        // Where its own is as long, the newcomer has come too late.
        return remove(from: length(client) == length(longest) ? client : longest, at: length(longest) - 1)
    }

    /// Takes the first of the line whose turn it is.
    mutating func popFirst() -> Element? {
        guard let client = turns.first else {
            return nil
        }
        turns.removeFirst()
        turns.append(client)
        return remove(from: client, at: 0)
    }

    private func length(_ client: ClientAddress) -> Int {
        lines[client]?.count ?? 0
    }

    private mutating func remove(from client: ClientAddress, at index: Int) -> Element? {
        let element = lines[client]?.remove(at: index)
        count -= 1
        if length(client) == 0 {
            lines[client] = nil
            turns.removeAll { $0 == client }
        }
        return element
    }
}
