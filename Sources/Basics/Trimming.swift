extension BidirectionalCollection {
    /// Returns the collection without those elements at either end that satisfy the predicate.
    public func trimming(while predicate: (Element) -> Bool) -> SubSequence {
        guard let last = lastIndex(where: { !predicate($0) }) else { return self[endIndex...] }
        return self[...last].drop(while: predicate)
    }
}
