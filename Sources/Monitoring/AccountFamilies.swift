import Exposition
import HypersenderAPI

/// A metric family about accounts, and how the state of one account fills it.
struct AccountFamily: Sendable {
    let family: MetricFamily
    /// Writes the samples of one account.
    let write: @Sendable (AccountState, _ uptime: Duration, inout ExpositionWriter) -> Void

    init(
        _ name: String, _ type: MetricType, help: String,
        _ write: @escaping @Sendable (AccountState, _ uptime: Duration, inout ExpositionWriter) -> Void
    ) {
        family = MetricFamily(name, type, help: help)
        self.write = write
    }

    /// A family with at most one sample an account.
    init(
        _ name: String, _ type: MetricType, help: String,
        value: @escaping @Sendable (AccountState, _ uptime: Duration) -> Double?
    ) {
        self.init(name, type, help: help) { account, uptime, writer in
            if let value = value(account, uptime) {
                writer.sample(value, account.labels)
            }
        }
    }

    /// The families about the polls of an account, and the counts of its instances.
    static let all: [AccountFamily] = [
        AccountFamily(
            "hypersender_up", .gauge,
            help:
                "1 if the last poll of the Hypersender API succeeded, else 0. The API is polled in the background, not at each"
                + " scrape: its rate limit is shared with sent messages."
        ) { account, uptime in
            account.isUp(at: uptime) ? 1 : 0
        },
        AccountFamily(
            "hypersender_instances", .gauge,
            help:
                "Number of instances by status, in the last successful poll. Withdrawn, as all series about instances, once that poll"
                + " is older than --poll.stale-after (three intervals unless set)."
        ) { account, uptime, writer in
            guard account.isFresh(at: uptime) else {
                return
            }
            for status in InstanceStatus.allCases {
                writer.sample(Double(account.counts[status] ?? 0), account.labels, status.label)
            }
        },
        AccountFamily("hypersender_polls_total", .counter, help: "Polls of the API that ended, well or badly.") {
            account, _ in
            Double(account.polls)
        },
        AccountFamily(
            "hypersender_poll_failures_total", .counter, help: "Polls of the API that failed, by reason."
        ) { account, _, writer in
            for reason in APIError.Reason.allCases {
                writer.sample(Double(account.failures[reason] ?? 0), account.labels, reason.label)
            }
        },
        AccountFamily(
            "hypersender_poll_duration_seconds", .histogram,
            help: "How long polls took, from the request to the decoded list, failed ones included."
        ) { account, _, writer in
            writer.sample(account.durations, account.labels)
        },
        AccountFamily(
            "hypersender_last_poll_timestamp_seconds", .gauge,
            help: "When the last poll ended, in Unix time; absent before the first has."
        ) { account, _ in
            account.lastPoll?.unix
        },
        AccountFamily(
            "hypersender_last_successful_poll_timestamp_seconds", .gauge,
            help:
                "Time of the last successful poll's data, in Unix time: the end of the poll, less the Age that caches gave its"
                + " answer; absent before there was one."
        ) { account, _ in
            account.lastSuccess?.unix
        },
        AccountFamily(
            "hypersender_poll_interval_seconds", .gauge,
            help: "The configured time between polls. Failing polls are spaced further apart."
        ) { account, _ in
            account.interval.seconds
        },
        AccountFamily(
            "hypersender_api_response_bytes", .gauge,
            help: "Size of the last list of instances that the API sent, decompressed, over all its pages."
        ) { account, _ in
            account.responseBytes.map(Double.init)
        },
        AccountFamily(
            "hypersender_api_rate_limit", .gauge,
            help: "Requests the API allows in a window, as the answer to the last poll said; absent where none did."
        ) { account, _ in
            account.rateLimit.limit.map(Double.init)
        },
        AccountFamily(
            "hypersender_api_rate_limit_remaining", .gauge,
            help: "Requests left in the API's window, as the answer to the last poll said; absent where none did."
        ) { account, _ in
            account.rateLimit.remaining.map(Double.init)
        },
        AccountFamily(
            "hypersender_duplicate_instances", .gauge,
            help: "Elements of the last good list that repeated an id of their page; the first of each id is shown."
        ) { account, _ in
            account.duplicates.map(Double.init)
        },
        AccountFamily(
            "hypersender_invalid_instances", .gauge,
            help:
                "Elements of the last good list without a readable status, which are shown as UNKNOWN, or without a readable"
                + " id, which are not shown."
        ) { account, _ in
            account.invalid.map(Double.init)
        },
        AccountFamily(
            "hypersender_unknown_statuses_total", .counter,
            help: "Instances seen with a status outside the six that the API documents, counted anew in every poll."
        ) { account, _ in
            Double(account.unknownStatuses)
        },
    ]
}

extension InstanceStatus {
    private static let labels = Dictionary(
        uniqueKeysWithValues: allCases.map { ($0, Labels(["status": $0.rawValue])) })

    var label: Labels { Self.labels[self] ?? .none }
}

extension APIError.Reason {
    fileprivate var label: Labels { Labels(["reason": rawValue]) }
}
