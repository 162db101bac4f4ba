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
        let before = others(old.groups)
        var gone = Dictionary(uniqueKeysWithValues: before.map { (UTF8Key($0.instance.id), $0) })
        var (changed, added): ([InstanceChange], [InstanceChange]) = ([], [])
        for instance in others(groups).map(\.instance) {
            guard let old = gone.removeValue(forKey: UTF8Key(instance.id)) else {
                added.append(InstanceChange(instance: instance, to: instance.status))
                continue
            }
            let (from, to) = (old.instance.status, instance.status)
            guard from != to else { continue }
            changed.append(
                InstanceChange(instance: instance, from: from, to: to, after: max(0, now - old.statusChangedAt)))
        }
        let removed = before.filter { gone[UTF8Key($0.instance.id)] != nil }.map {
            InstanceChange(instance: $0.instance, from: $0.instance.status, after: max(0, now - $0.statusChangedAt))
        }
        return changed + removed + added
    }
}
