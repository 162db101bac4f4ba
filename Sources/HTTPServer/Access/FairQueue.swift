/// A bounded queue with a line for each client; the lines take turns.
///
/// From a line the newest and the oldest are taken by turns: so neither a crowd that came before holds up the newest,
/// nor a stream of newcomers the oldest. Elements whose client has left come last.
struct FairQueue<Element> {
    private struct Line {
        let client: ClientAddress
        var elements: [Element]
        var takesNewest = true
    }

    /// Lines that are not empty, the next to be served first.
    private var lines: [Line] = []
    private let capacity: Int
    private let isPresent: (Element) -> Bool

    init(capacity: Int, isPresent: @escaping (Element) -> Bool = { _ in true }) {
        self.capacity = capacity
        self.isPresent = isPresent
    }

    /// Appends an element to its client's line, and returns the one removed if there are too many.
    ///
    /// It is of the longest line: one whose client has left, or else the oldest.
    mutating func append(_ element: Element, of client: ClientAddress) -> Element? {
        if let index = lines.firstIndex(where: { $0.client == client }) {
            lines[index].elements.append(element)
        } else {
            lines.append(Line(client: client, elements: [element]))
        }
        guard lines.reduce(0, { $0 + $1.elements.count }) > capacity,
            let longest = lines.indices.max(by: { lines[$0].elements.count < lines[$1].elements.count })
        else { return nil }
        let left = lines[longest].elements.firstIndex { !isPresent($0) }
        let removed = lines[longest].elements.remove(at: left ?? 0)
        if lines[longest].elements.isEmpty { lines.remove(at: longest) }
        return removed
    }

    /// Removes an element of the line whose turn it is; returns `nil` if the queue is empty.
    mutating func popFirst() -> Element? {
        guard !lines.isEmpty else { return nil }
        var line = lines.removeFirst()
        let next =
            line.takesNewest ? line.elements.lastIndex(where: isPresent) : line.elements.firstIndex(where: isPresent)
        line.takesNewest.toggle()
        let element = line.elements.remove(at: next ?? 0)
        if !line.elements.isEmpty { lines.append(line) }
        return element
    }
}
