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
        // What stands unchanged in its place is left out, whole groups most often: a poll without news costs nothing.
        func moved(_ groups: [InstanceGroup], since others: [InstanceGroup]) -> [TrackedInstance] {
            groups.indices.flatMap { place -> [TrackedInstance] in
                let other = place < others.count ? others[place] : nil
                guard groups[place] !== other else { return [] }
                let (own, others) = (groups[place].instances, other?.instances ?? [])
                return own.indices.filter { $0 >= others.count || own[$0].instance != others[$0].instance }
                    .map { own[$0] }
            }
        }
        func change(_ known: TrackedInstance, to new: Instance?) -> InstanceChange {
            InstanceChange(
                instance: new ?? known.instance, from: known.instance.status, to: new?.status,
                after: max(0, now - known.statusChangedAt))
        }
        var (changed, removed, added): ([InstanceChange], [InstanceChange], [InstanceChange]) = ([], [], [])
        // Both lists are in the order of ids.
        var before = moved(old.groups, since: groups)[...]
        for instance in moved(groups, since: old.groups).map(\.instance) {
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
