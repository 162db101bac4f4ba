import HypersenderAPI
import Monitoring

/// Which instances the status page shows, and how many there are.
///
/// Places are gathered and compared, and not the instances themselves, which are large; and never more of them than a page needs.
struct InstanceSelection {
    /// Where an instance stands in the accounts, and what decides its place on the page.
    struct Place {
        var account: Int
        var group: Int
        var index: Int
        fileprivate var urgency: Int
        fileprivate var changedAt: Double

        /// Trouble first, what is new in it before what is old; the rest as the accounts have it, by id.
        fileprivate static func isBefore(_ a: Place, _ b: Place) -> Bool {
            (b.urgency, b.changedAt, a.account, a.group, a.index) < (
                a.urgency, a.changedAt, b.account, b.group, b.index
            )
        }
    }

    /// Instances of all accounts with data, by status.
    private(set) var counts: [InstanceStatus: Int] = [:]
    /// All of them.
    private(set) var total = 0
    /// Those that a person should look at.
    private(set) var attention = 0
    /// The statuses of those.
    private(set) var troubles: Set<InstanceStatus> = []
    /// Those that are on their way up, or should be.
    private(set) var settling = 0
    /// Those that the query asks for.
    private(set) var matched = 0
    /// The first of those, in the order of the page.
    private(set) var places: [Place] = []

    /// A status that lasts seconds is trouble once it has lasted this long, in seconds; the README says the same.
    static let patience = 600.0

    /// - Parameters:
    ///   - now: seconds since the Unix epoch.
    ///   - most: how many places are kept.
    init(_ accounts: [AccountState], uptime: Duration, now: Double, query: StatusQuery = StatusQuery(), most: Int) {
        let search = TextSearch(query.text)
        for (accountIndex, account) in accounts.enumerated() where account.isFresh(at: uptime) {
            let isAccountWanted = query.account.map { $0 == account.name } ?? true
            for (groupIndex, group) in account.groups.enumerated() {
                for index in group.instances.indices {
                    let status = group.instances[index].instance.status
                    let changedAt = group.instances[index].statusChangedAt
                    let needsAttention = status.needsAttention(after: now - changedAt)
                    counts[status, default: 0] += 1
                    total += 1
                    if needsAttention {
                        attention += 1
                        troubles.insert(status)
                    }
                    settling += status != .working && !needsAttention ? 1 : 0
                    guard isAccountWanted, query.status.includes(status, needsAttention: needsAttention),
                        search.matches(group.instances[index].instance.name)
                            || search.matches(group.instances[index].instance.id)
                    else {
                        continue
                    }
                    matched += 1
                    keep(
                        Place(
                            account: accountIndex, group: groupIndex, index: index, urgency: status.urgency,
                            changedAt: changedAt), most)
                }
            }
        }
        cut(most)
    }

    /// Sorts only now and then, and never more than twice what is kept.
    private mutating func keep(_ place: Place, _ most: Int) {
        if places.count >= 2 * most {
            cut(most)
        }
        places.append(place)
    }

    private mutating func cut(_ most: Int) {
        places.sort(by: Place.isBefore)
        places.removeLast(max(0, places.count - most))
    }
}

extension StatusQuery.Choice {
    fileprivate func includes(_ status: InstanceStatus, needsAttention: Bool) -> Bool {
        switch self {
        case .all: true
        case .attention: needsAttention
        case .only(let wanted): status == wanted
        case .nothing: false
        }
    }
}

extension InstanceStatus {
    /// What a person should look at first has the highest.
    var urgency: Int {
        switch self {
        case .failed: 6
        case .scanQRCode: 5
        case .unknown: 4
        case .stopped: 3
        case .pending: 2
        case .starting: 1
        case .working: 0
        }
    }

    /// Whether a person should look at an instance that has had this status for so many seconds.
    func needsAttention(after seconds: Double) -> Bool {
        switch self {
        case .working: false
        case .pending, .starting: seconds >= InstanceSelection.patience
        case .failed, .scanQRCode, .unknown, .stopped: true
        }
    }

    /// What a person can do about it, in the README's words.
    var advice: String {
        switch self {
        case .working: "The session is up. This does not prove that messages are delivered."
        case .scanQRCode: "Waits for a person: scan the code in WhatsApp under Settings, Linked devices."
        case .failed: "Authorisation is probably lost: restart; if it fails again, log out and link anew."
        case .starting: "Starting, normally for seconds: restart if it lasts ten minutes."
        case .pending: "Waits for a server: restart if it lasts ten minutes, then ask Hypersender's support."
        case .stopped: "Stopped, still logged in; may be meant so. Start it, or silence the alert."
        case .unknown: "A status that the API does not document: the exporter's log has its name."
        }
    }
}
