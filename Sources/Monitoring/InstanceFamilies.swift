import Exposition
import HypersenderAPI

/// Which of an instance's seven status series are written.
public enum StatusSet: String, Sendable, CaseIterable {
    /// All seven, one of them 1 and the others 0.
    case all
    /// Only the one that is 1.
    case current
}

/// A metric family about instances, and how one instance fills it.
///
/// An instance is read where it lies, among others at an index: to copy each, for each family, would take longer than to write it.
struct InstanceFamily: Sendable {
    let family: MetricFamily
    /// Whether its samples depend on the instance's status or on the history of it.
    let followsStatus: Bool
    /// Writes the samples of one instance.
    let write: @Sendable (UnsafeBufferPointer<TrackedInstance>, Int, StatusSet, inout ExpositionWriter) -> Void

    init(
        _ name: String, _ type: MetricType, followsStatus: Bool, help: String,
        _ write:
            @escaping @Sendable (UnsafeBufferPointer<TrackedInstance>, Int, StatusSet, inout ExpositionWriter) -> Void
    ) {
        family = MetricFamily(name, type, help: help)
        self.followsStatus = followsStatus
        self.write = write
    }

    /// A family with at most one sample an instance.
    init(
        _ name: String, _ type: MetricType, followsStatus: Bool, help: String,
        value: @escaping @Sendable (UnsafeBufferPointer<TrackedInstance>, Int) -> Double?
    ) {
        self.init(name, type, followsStatus: followsStatus, help: help) { tracked, index, _, writer in
            if let value = value(tracked, index) {
                writer.sample(value, tracked[index].labels)
            }
        }
    }

    static let all: [InstanceFamily] = [
        InstanceFamily(
            "hypersender_instance_up", .gauge, followsStatus: true,
            help:
                "1 if the instance's status is WORKING, else 0. WORKING means the session is up; it does not prove that messages"
                + " are delivered."
        ) { tracked, index in
            tracked[index].instance.status == .working ? 1 : 0
        },
        InstanceFamily(
            "hypersender_instance_status", .gauge, followsStatus: true,
            help:
                "1 for the status the instance has, 0 for the others. UNKNOWN stands for a status the API does not document."
        ) { tracked, index, set, writer in
            let current = tracked[index].instance.status
            for status in InstanceStatus.allCases where set == .all || status == current {
                writer.sample(status == current ? 1 : 0, tracked[index].labels, status.label)
            }
        },
        InstanceFamily(
            "hypersender_instance_info", .gauge, followsStatus: false,
            help: "What else the API says of the instance, as labels; always 1."
        ) { tracked, index, _, writer in
            var labels = Labels()
            labels.append("service_type", tracked[index].instance.details.serviceType)
            if let phone = tracked[index].instance.details.phone {
                labels.append("phone", phone)
            }
            writer.sample(1, tracked[index].labels, labels)
        },
        InstanceFamily(
            "hypersender_instance_created_timestamp_seconds", .gauge, followsStatus: false,
            help: "When the instance was created, in Unix time. The API gives no time zone: UTC is assumed."
        ) { tracked, index in
            tracked[index].instance.details.createdAt
        },
        InstanceFamily(
            "hypersender_instance_access_token_present", .gauge, followsStatus: false,
            help:
                "1 if the API lists an access token for the instance, 0 if it gives null, which means not yet connected."
        ) { tracked, index in
            tracked[index].instance.details.hasAccessToken.map { $0 ? 1 : 0 }
        },
        InstanceFamily(
            "hypersender_instance_status_change_timestamp_seconds", .gauge, followsStatus: true,
            help:
                "When a poll last saw the instance's status differ from the poll before, in Unix time. The first sight of an instance,"
                + " after a start of the exporter too, counts as a change."
        ) { tracked, index in
            tracked[index].statusChangedAt
        },
        InstanceFamily(
            "hypersender_instance_status_changes_total", .counter, followsStatus: true,
            help: "Changes of the instance's status seen from poll to poll. Changes between two polls are missed."
        ) { tracked, index in
            Double(tracked[index].statusChanges)
        },
    ]
}
