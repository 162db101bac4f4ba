public import Exposition

/// A snapshot as the part of a metrics page that changes once a poll, and what of it can be taken over into the next.
///
/// It is in two parts: what is said of accounts, which every poll changes, and after it what is said of instances, which most polls leave
/// as it is or nearly so. What is said of a group of instances in which nothing has changed is copied from the page before, compressed as
/// it is; where nothing has changed in any group, the whole part goes on to be used. So a poll costs what it changes.
public struct SnapshotPage: Sendable {
    /// The form of the page.
    public let format: ExpositionFormat
    /// What is needed to complete the page as a gzip file; nil where it is not compressed.
    public let ending: GzipEnding?

    /// The same of the part about instances alone.
    private let instancesEnding: GzipEnding?
    /// The size of that part, in bytes.
    private let instancesSize: Int
    private let statusSet: StatusSet
    private let groups: [InstanceGroup]
    /// The header of each family about instances, and the samples of the groups; empty where there are none.
    private let families: [FamilyPieces]

    private struct FamilyPieces: Sendable {
        /// So many groups share a piece while all of them are new: each piece has codes of its own to be worked out. When one of them changes,
        /// each gets its own.
        static let longestSpan = 4

        var header = PiecedPage.Piece.empty
        /// For each group the piece it is in, where it is the first one there, and how many are; nil for the others.
        private var spans: [(piece: PiecedPage.Piece, count: Int)?] = []

        /// Adds a piece about so many groups, after those there are.
        mutating func append(_ piece: PiecedPage.Piece, groups count: Int) {
            spans.append((piece, count))
            spans.append(contentsOf: repeatElement(nil, count: count - 1))
        }

        /// The piece that says of these groups, from the first one on, what is to be said of them, and of how many it does.
        ///
        /// - Parameter groups: where they are among the groups of this page; nil for one that is not.
        func span(of groups: ArraySlice<Int?>) -> (piece: PiecedPage.Piece, count: Int)? {
            guard let first = groups.first, let first, let span = spans[first],
                groups.prefix(span.count).elementsEqual(first..<(first + span.count), by: { $0 == $1 })
            else {
                return nil
            }
            return span
        }
    }

    /// Writes a page, and gives its bytes too, in their two parts.
    ///
    /// - Parameters:
    ///   - compressing: whether to compress. Without the memory to do so the page is plain, which `ending` tells.
    ///   - uptime: the time at which staleness is judged.
    ///   - previous: a page of an earlier snapshot to take over from. One of another form is of no use, and not used.
    /// - Returns: what is said of instances takes over bytes from that of `previous`; it is nil where that is the right one as it is.
    public static func write(
        _ snapshot: Snapshot, _ format: ExpositionFormat, compressing: Bool, uptime: Duration,
        previous: SnapshotPage? = nil
    ) -> (page: SnapshotPage, accounts: PiecedPage, instances: PiecedPage?) {
        let groups = snapshot.groups(uptime: uptime)
        var assembler = PageAssembler(compressing: compressing)
        var writer = ExpositionWriter(format)
        snapshot.writeAccounts(to: &writer, uptime: uptime)
        _ = assembler.append(writer.bytes)
        let accounts = assembler.finish()
        let usable = previous.flatMap { page in
            page.format == format && page.statusSet == snapshot.statusSet
                && (page.ending != nil) == assembler.isCompressed ? page : nil
        }
        if let usable, usable.groups.elementsEqual(groups, by: { $0 === $1 }) {
            return (usable.following(accounts), accounts, nil)
        }
        let (page, instances) = writeInstances(of: groups, snapshot, format, &assembler, previous: usable)
        return (page.following(accounts), accounts, instances)
    }

    /// The page with what is said of its accounts in front.
    private func following(_ accounts: PiecedPage) -> SnapshotPage {
        SnapshotPage(
            format: format, ending: instancesEnding.flatMap { accounts.ending?.followed(by: $0) },
            instancesEnding: instancesEnding, instancesSize: instancesSize, statusSet: statusSet, groups: groups,
            families: families)
    }

    /// Writes what is said of instances, as a page without what stands in front.
    private static func writeInstances(
        of groups: [InstanceGroup], _ snapshot: Snapshot, _ format: ExpositionFormat,
        _ assembler: inout PageAssembler, previous: SnapshotPage?
    ) -> (page: SnapshotPage, bytes: PiecedPage) {
        var writer = ExpositionWriter(format)
        let old = previous?.groups ?? []
        let places = Dictionary(uniqueKeysWithValues: zip(old.map { ObjectIdentifier($0) }, old.indices))
        let placesOfFacts = Dictionary(uniqueKeysWithValues: zip(old.map { ObjectIdentifier($0.facts) }, old.indices))
        let known = groups.map { places[ObjectIdentifier($0)] }
        let knownFacts = groups.map { placesOfFacts[ObjectIdentifier($0.facts)] }
        if let previous {
            // What has changed will take about as much again.
            let changed = InstanceFamily.all.reduce(0) {
                $0 + ($1.followsStatus ? known : knownFacts).count { $0 == nil }
            }
            assembler.reserve(
                previous.instancesSize * changed / max(InstanceFamily.all.count * groups.count, 1) * 17 / 16)
        }
        var families: [FamilyPieces] = []
        for family in Snapshot.instanceFamilies.indices {
            let old = previous?.families[family]
            let known = InstanceFamily.all[family].followsStatus ? known : knownFacts
            var pieces = FamilyPieces()
            var index = 0
            while index < groups.count {
                if let old, let span = old.span(of: known[index...]) {
                    if !span.piece.isEmpty && pieces.header.isEmpty {
                        pieces.header = assembler.append(old.header)
                    }
                    pieces.append(assembler.append(span.piece), groups: span.count)
                    index += span.count
                    continue
                }
                let several = known[index...].prefix(FamilyPieces.longestSpan)
                let count = several.allSatisfy { $0 == nil } ? several.count : 1
                writer.clear()
                for group in groups[index..<(index + count)] {
                    snapshot.write(group, family: family, to: &writer)
                }
                if !writer.bytes.isEmpty && pieces.header.isEmpty {
                    var header = ExpositionWriter(format)
                    header.begin(Snapshot.instanceFamilies[family])
                    header.writeHeader()
                    pieces.header = assembler.append(header.bytes)
                }
                pieces.append(assembler.append(writer.bytes), groups: count)
                index += count
            }
            families.append(pieces)
        }
        let page = assembler.finish()
        return (
            SnapshotPage(
                format: format, ending: nil, instancesEnding: page.ending, instancesSize: page.count,
                statusSet: snapshot.statusSet,
                groups: groups, families: families),
            page
        )
    }
}
