import HypersenderAPI

/// A change of an account's instances from poll to poll: another status, or an instance that came or went.
struct InstanceChange: Equatable {
    let instance: Instance
    /// The status before; `nil` if the instance is new.
    var from: InstanceStatus?
    /// The status now; `nil` if the instance is gone.
    var to: InstanceStatus?
    /// The seconds that polls have seen the status before; `nil` if the instance is new.
    var after: Double?
}

extension AccountState {
    /// Returns the changes since an earlier state: of status, then what went, then what came.
    ///
    /// There are none since a state before the first success.
    func changes(since old: AccountState) -> [InstanceChange] {
        guard old.lastSuccess != nil, let now = lastPoll?.unix else { return [] }
        // A group in which nothing has changed is kept, in its place: a poll that finds nothing new costs nothing.
        let isKept = zip(old.groups, groups).map { $0 === $1 }
        func others(_ groups: [InstanceGroup]) -> [TrackedInstance] {
            groups.indices.filter { $0 >= isKept.count || !isKept[$0] }.flatMap { groups[$0].instances }
        }
        func change(_ known: TrackedInstance, to new: Instance?) -> InstanceChange {
            InstanceChange(
                instance: new ?? known.instance, from: known.instance.status, to: new?.status,
                after: max(0, now - known.statusChangedAt))
        }
        var (changed, removed, added): ([InstanceChange], [InstanceChange], [InstanceChange]) = ([], [], [])
        // Both lists are in the order of ids.
        var before = others(old.groups)[...]
        for instance in others(groups).map(\.instance) {
            let id = UTF8Key(instance.id)
            while let known = before.first, UTF8Key(known.instance.id) < id {
                removed.append(change(before.removeFirst(), to: nil))
            }
            guard let known = before.first, UTF8Key(known.instance.id) == id else {
                added.append(InstanceChange(instance: instance, to: instance.status))
                continue
            }
            before.removeFirst()
            if known.instance.status != instance.status { changed.append(change(known, to: instance)) }
        }
        return changed + removed + before.map { change($0, to: nil) } + added
    }
}
