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
        func change(_ known: TrackedInstance, to new: Instance?) -> InstanceChange {
            InstanceChange(
                instance: new ?? known.instance, from: known.instance.status, to: new?.status,
                after: max(0, now - known.statusChangedAt))
        }
        var (changed, removed, added): ([InstanceChange], [InstanceChange], [InstanceChange]) = ([], [], [])
        var (moved, arrived): (ArraySlice<TrackedInstance>, [Instance]) = ([], [])
        // Nearly all stand in their place still, most often in a group that is still the same.
        for place in 0..<max(old.groups.count, groups.count) {
            let group = place < groups.count ? groups[place] : nil
            let oldGroup = place < old.groups.count ? old.groups[place] : nil
            guard group !== oldGroup else { continue }
            let (instances, known) = (group?.instances ?? [], oldGroup?.instances ?? [])
            let (after, before) = (instances.span, known.span)
            for index in 0..<max(after.count, before.count) {
                let (isNew, isOld) = (index < after.count, index < before.count)
                if isNew && isOld && before[index].instance.hasSameFacts(as: after[index].instance) {
                    guard before[index].instance.status != after[index].instance.status else { continue }
                    changed.append(change(known[index], to: instances[index].instance))
                } else {
                    if isOld { moved.append(known[index]) }
                    if isNew { arrived.append(instances[index].instance) }
                }
            }
        }
        // Both lists are in the order of ids.
        for instance in arrived {
            let id = UTF8Key(instance.id)
            while let known = moved.first, UTF8Key(known.instance.id) < id {
                removed.append(change(moved.removeFirst(), to: nil))
            }
            guard let known = moved.first, UTF8Key(known.instance.id) == id else {
                added.append(InstanceChange(instance: instance, to: instance.status))
                continue
            }
            moved.removeFirst()
            if known.instance.status != instance.status { changed.append(change(known, to: instance)) }
        }
        // To add arrays up by + would copy all changes each time.
        changed += removed
        changed += moved.map { change($0, to: nil) }
        changed += added
        return changed
    }
}
