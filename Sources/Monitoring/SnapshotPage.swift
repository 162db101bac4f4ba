public import Exposition

/// A snapshot as the part of a metrics page that changes once a poll, and what of it can be taken over into the next.
///
/// Most polls change few instances. What is said of a group of instances in which nothing has changed is copied from the page before,
/// compressed as it is, so that a poll costs what it changes.
public struct SnapshotPage: Sendable {
    /// The form of the page.
    public let format: ExpositionFormat
    /// What is needed to complete the page as a gzip file; nil where it is not compressed.
    public let ending: GzipEnding?

    private let statusSet: StatusSet
    private let groups: [InstanceGroup]
    /// The header of each family about instances, and the samples of each group; empty where there are none.
    private let families: [FamilyPieces]

    private struct FamilyPieces: Sendable {
        var header = PiecedPage.Piece.empty
        var groups: [PiecedPage.Piece] = []
    }

    /// Writes a page, and gives its bytes too.
    ///
    /// - Parameters:
    ///   - compressing: whether to compress. Without the memory to do so the page is plain, which `ending` tells.
    ///   - uptime: the time at which staleness is judged.
    ///   - previous: a page of an earlier snapshot to take over from, with its bytes. One of another form is of no use, and not used.
    public static func write(
        _ snapshot: Snapshot, _ format: ExpositionFormat, compressing: Bool, uptime: Duration,
        previous: (page: SnapshotPage, bytes: UnsafeRawBufferPointer)? = nil
    ) -> (page: SnapshotPage, bytes: [UInt8]) {
        var assembler = PageAssembler(
            compressing: compressing, capacity: previous.map { $0.bytes.count + $0.bytes.count / 32 } ?? 0)
        let previous = previous.flatMap { previous in
            previous.page.format == format && previous.page.statusSet == snapshot.statusSet
                && (previous.page.ending != nil) == assembler.isCompressed ? previous : nil
        }
        let old = previous?.page.groups ?? []
        let places = Dictionary(uniqueKeysWithValues: zip(old.map { ObjectIdentifier($0) }, old.indices))
        let placesOfFacts = Dictionary(uniqueKeysWithValues: zip(old.map { ObjectIdentifier($0.facts) }, old.indices))
        var writer = ExpositionWriter(format)
        snapshot.writeAccounts(to: &writer, uptime: uptime)
        _ = assembler.append(writer.bytes)

        let groups = snapshot.groups(uptime: uptime)
        let known = groups.map { places[ObjectIdentifier($0)] }
        let knownFacts = groups.map { placesOfFacts[ObjectIdentifier($0.facts)] }
        var families: [FamilyPieces] = []
        for family in Snapshot.instanceFamilies.indices {
            let old = previous.map { (pieces: $0.page.families[family], bytes: $0.bytes) }
            var pieces = FamilyPieces()
            pieces.groups.reserveCapacity(groups.count)
            for (group, known) in zip(groups, InstanceFamily.all[family].followsStatus ? known : knownFacts) {
                if let old, let known {
                    let piece = old.pieces.groups[known]
                    if !piece.isEmpty && pieces.header.isEmpty {
                        pieces.header = assembler.append(old.pieces.header, of: old.bytes)
                    }
                    pieces.groups.append(assembler.append(piece, of: old.bytes))
                    continue
                }
                writer.clear()
                snapshot.write(group, family: family, to: &writer)
                if !writer.bytes.isEmpty && pieces.header.isEmpty {
                    var header = ExpositionWriter(format)
                    header.begin(Snapshot.instanceFamilies[family])
                    header.writeHeader()
                    pieces.header = assembler.append(header.bytes)
                }
                pieces.groups.append(assembler.append(writer.bytes))
            }
            families.append(pieces)
        }
        let page = assembler.finish()
        return (
            SnapshotPage(
                format: format, ending: page.ending, statusSet: snapshot.statusSet, groups: groups, families: families),
            page.bytes
        )
    }
}
