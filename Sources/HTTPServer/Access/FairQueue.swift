/// What waits for its turn: a line for each client, and the lines are served in turn. Holds only so much.
///
/// Of a line the newest and the oldest are taken by turns: a crowd that came before does not hold up the newest, and a
/// stream of newcomers not the oldest. Those whose client has left come last.
struct FairQueue<Element> {
    private struct Line {
        var elements: [Element] = []
        var takesNewest = true
    }

    private var lines: [ClientAddress: Line] = [:]
    /// The clients that have a line, the next to be served first.
    private var turns: [ClientAddress] = []
    private let capacity: Int
    private let isPresent: (Element) -> Bool
    private var count = 0

    init(capacity: Int, isPresent: @escaping (Element) -> Bool = { _ in true }) {
        self.capacity = capacity
        self.isPresent = isPresent
    }

    /// Puts one at the end of its client's line.
    ///
    /// - Returns: the one that loses its place if there are too many: the oldest of the longest line, or better one
    ///   of it whose client has left.
    mutating func append(_ element: Element, of client: ClientAddress) -> Element? {
        if lines[client] == nil {
            turns.append(client)
        }
        lines[client, default: Line()].elements.append(element)
        count += 1
        guard count > capacity, let longest = turns.max(by: { length($0) < length($1) }) else {
            return nil
        }
        let left = lines[longest]?.elements.firstIndex { !isPresent($0) }
        return remove(from: longest, at: left ?? 0)
    }

    /// Takes one of the line whose turn it is.
    mutating func popFirst() -> Element? {
        guard let client = turns.first, let line = lines[client] else {
            return nil
        }
        turns.removeFirst()
        turns.append(client)
        lines[client]?.takesNewest.toggle()
        let next =
            line.takesNewest ? line.elements.lastIndex(where: isPresent) : line.elements.firstIndex(where: isPresent)
        return remove(from: client, at: next ?? 0)
    }

    private func length(_ client: ClientAddress) -> Int {
        lines[client]?.elements.count ?? 0
    }

    private mutating func remove(from client: ClientAddress, at index: Int) -> Element? {
        let element = lines[client]?.elements.remove(at: index)
        count -= 1
        if length(client) == 0 {
            lines[client] = nil
            turns.removeAll { $0 == client }
        }
        return element
    }
}
