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
    private let statusSet: StatusSet
    private let groups: [InstanceGroup]
    /// The header of each family about instances, and the samples of each group; empty where there are none.
    private let families: [FamilyPieces]

    private struct FamilyPieces: Sendable {
        var header = PiecedPage.Piece.empty
        var groups: [PiecedPage.Piece] = []
    }

    /// Writes a page, and gives its bytes too, in their two parts.
    ///
    /// - Parameters:
    ///   - compressing: whether to compress. Without the memory to do so the page is plain, which `ending` tells.
    ///   - uptime: the time at which staleness is judged.
    ///   - previous: a page of an earlier snapshot to take over from, with its bytes about instances. One of another form is of no use,
    ///     and not used.
    /// - Returns: the bytes about instances are nil where those of `previous` are the right ones.
    public static func write(
        _ snapshot: Snapshot, _ format: ExpositionFormat, compressing: Bool, uptime: Duration,
        previous: (page: SnapshotPage, instances: UnsafeRawBufferPointer)? = nil
    ) -> (page: SnapshotPage, accounts: [UInt8], instances: [UInt8]?) {
        let groups = snapshot.groups(uptime: uptime)
        let accounts = writeAccounts(snapshot, format, compressing: compressing, uptime: uptime)
        let usable = previous.flatMap { previous in
            previous.page.format == format && previous.page.statusSet == snapshot.statusSet
                && (previous.page.ending != nil) == (accounts.ending != nil) ? previous : nil
        }
        if let page = usable?.page, page.groups.elementsEqual(groups, by: { $0 === $1 }) {
            return (page.following(accounts), accounts.bytes, nil)
        }
        let instances = writeInstances(
            of: groups, snapshot, format, compressing: accounts.ending != nil, previous: usable)
        if accounts.ending != nil, instances.page.instancesEnding == nil {
            // The memory sufficed for one part only: both must be of the same form.
            let plain = writeAccounts(snapshot, format, compressing: false, uptime: uptime)
            return (instances.page, plain.bytes, instances.bytes)
        }
        return (instances.page.following(accounts), accounts.bytes, instances.bytes)
    }

    /// The page with what is said of its accounts in front.
    private func following(_ accounts: PiecedPage) -> SnapshotPage {
        SnapshotPage(
            format: format, ending: instancesEnding.flatMap { accounts.ending?.followed(by: $0) },
            instancesEnding: instancesEnding, statusSet: statusSet, groups: groups, families: families)
    }

    private static func writeAccounts(
        _ snapshot: Snapshot, _ format: ExpositionFormat, compressing: Bool, uptime: Duration
    ) -> PiecedPage {
        var assembler = PageAssembler(compressing: compressing)
        var writer = ExpositionWriter(format)
        snapshot.writeAccounts(to: &writer, uptime: uptime)
        _ = assembler.append(writer.bytes)
        return assembler.finish()
    }

    /// Writes what is said of instances, as a page without what stands in front.
    private static func writeInstances(
        of groups: [InstanceGroup], _ snapshot: Snapshot, _ format: ExpositionFormat, compressing: Bool,
        previous: (page: SnapshotPage, instances: UnsafeRawBufferPointer)?
    ) -> (page: SnapshotPage, bytes: [UInt8]) {
        var assembler = PageAssembler(
            compressing: compressing, capacity: previous.map { $0.instances.count + $0.instances.count / 32 } ?? 0,
            isContinuation: true)
        let previous = assembler.isCompressed == compressing ? previous : nil
        var writer = ExpositionWriter(format)

        let old = previous?.page.groups ?? []
        let places = Dictionary(uniqueKeysWithValues: zip(old.map { ObjectIdentifier($0) }, old.indices))
        let placesOfFacts = Dictionary(uniqueKeysWithValues: zip(old.map { ObjectIdentifier($0.facts) }, old.indices))
        let known = groups.map { places[ObjectIdentifier($0)] }
        let knownFacts = groups.map { placesOfFacts[ObjectIdentifier($0.facts)] }
        var families: [FamilyPieces] = []
        for family in Snapshot.instanceFamilies.indices {
            let old = previous.map { (pieces: $0.page.families[family], bytes: $0.instances) }
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
                format: format, ending: nil, instancesEnding: page.ending, statusSet: snapshot.statusSet,
                groups: groups,
                families: families),
            page.bytes
        )
    }
}
