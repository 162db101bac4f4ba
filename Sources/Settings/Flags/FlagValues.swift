import Basics
public import HTTPServer
import HypersenderAPI
public import Monitoring

/// The form of log lines.
public enum LogFormat: String, Sendable, CaseIterable {
    /// A line of keys and values, or a JSON object (RFC 8259), for each message.
    case logfmt, json
}

/// The minimum level of messages to log.
public enum LogLevel: String, Sendable, CaseIterable {
    /// From all messages to the most severe alone.
    case debug, info, warn, error
}

/// The values of all flags, each as given or by default; `Flag` describes them.
public struct FlagValues: Sendable, Equatable {
    /// The addresses to listen on.
    public internal(set) var listenAddresses: [ListenAddress] = []
    /// The path of the metrics.
    public internal(set) var telemetryPath = "/metrics"
    /// The maximum number of concurrent scrapes; 0 for no limit.
    public internal(set) var maximumScrapes = 40
    /// The path of the web configuration file; `nil` for plain HTTP.
    public internal(set) var webConfigFile: String?
    /// Whether `POST /-/reload` reloads the configuration.
    public internal(set) var enablesLifecycle = false
    /// Whether to listen on sockets passed by systemd instead of `listenAddresses`.
    public internal(set) var usesSystemdSockets = false
    /// Whether metrics about the exporter itself are excluded.
    public internal(set) var disablesExporterMetrics = false
    /// The page that runbook links lead to; `nil` for the exporter's own.
    public internal(set) var runbookURL: String?

    var allowsHTTP = false
    var baseURL = FlagValues.api
    var tokenFile: String?
    var filter = InstanceFilter()
    var caFile: String?

    /// The settings of accounts; a key of an account takes the place of a default, but not of a flag that is given.
    public internal(set) var options = AccountOptions.standard
    var timeout = APIConfiguration.defaultTimeout
    var maximumResponseBytes = APIConfiguration.defaultMaximumResponseBytes
    var phone = PhonePrivacy.off

    /// The path of the file that names several accounts.
    public internal(set) var accountsFile: String?
    /// Whether to reload the configuration whenever that file changes.
    public internal(set) var reloadsOnChange = false
    /// Whether to check the configuration and exit.
    public internal(set) var checksOnly = false
    var shardIndex = 0
    var totalShards = 1
    var derivesShardFromHostname = false
    /// The minimum level of messages to log.
    public internal(set) var logLevel = LogLevel.info
    /// The form of log lines.
    public internal(set) var logFormat = LogFormat.logfmt
    /// Whether to poll each account once and exit.
    public internal(set) var pollsOnce = false
    /// Whether to export a simulated account.
    public internal(set) var isDemo = false
    /// Whether to check the running exporter and exit.
    public internal(set) var checksHealth = false

    static let tooShort =
        "data is kept for less than 1.1 poll intervals: it will be withdrawn between polls"

    /// The values that work but are probably not meant, with what they lead to.
    var oddities: [(property: PartialKeyPath<FlagValues>, warning: String)] {
        let (interval, age) = (options.interval, options.maximumAge)
        let all: [(isOdd: Bool, PartialKeyPath<FlagValues>, String)] = [
            (
                interval < .seconds(10) && !isDemo, \.options.interval,
                "the API's smallest plan allows 10 requests a minute, and polls spend the same budget as sent messages"
            ), (timeout > interval, \.timeout, "is longer than the poll interval: a slow poll delays the next one"),
            (age < interval * 1.1, \.options.staleAfter, Self.tooShort),
            (
                "\(baseURL)".hasSuffix("/instances"), \.baseURL,
                "ends in /instances, which the exporter appends itself: remove it"
            ),
            (
                filter.status != nil, \.filter.status,
                "an instance whose status changes vanishes from the metrics, and no alert fires"
            ),
        ]
        return all.filter(\.isOdd).map { ($1, $2) }
    }

    /// The values that an account of a file may have of its own, as a text to compare. Keys are not among them.
    var accountText: String {
        Flag.all.filter { $0.accountKey != nil }.map { "\($0.name)=\($0.text(self))" }.joined(separator: "\n")
    }

    static let demoInterval = Duration.seconds(5)
    static let defaultAddress = ":10058"
    static let demoAddress = "127.0.0.1:10058"
    static let api: BaseURL = {
        guard let url = try? BaseURL("https://app.hypersender.com/api/whatsapp/v1") else {
            preconditionFailure("the default base URL is invalid")
        }
        return url
    }()

    /// Adds an address to listen on.
    mutating func listen(on text: String) throws(Problem) {
        let address: ListenAddress
        do {
            address = try ListenAddress(text)
        } catch {
            throw Problem("is not a listen address: \(error)")
        }
        guard !listenAddresses.contains(address) || address.isAnyPort else { throw Problem("is given twice") }
        listenAddresses.append(address)
    }

    /// Adds a label of the account, named as Prometheus allows it.
    mutating func label(_ name: String, _ value: String) throws(Problem) {
        let isWord = name.allSatisfy { $0.isASCII && ($0.isLetter || $0.isNumber) || $0 == "_" }
        guard isWord, name.first?.isNumber == false else {
            throw Problem("must have a name of ASCII letters, digits and underscores, the first no digit")
        }
        guard !AccountState.reservedLabels.contains(name), !name.hasPrefix("__"), !name.hasPrefix("instance") else {
            throw Problem("must have another name: that one has a meaning to Prometheus, the metrics or rules")
        }
        guard !value.allSatisfy(\.isWhitespace) else { throw Problem("has a blank value: give it one") }
        guard name.utf8.count <= 128, value.unicodeScalars.count <= 128 else {
            throw Problem("must have a name and a value of no more than 128 characters")
        }
        guard options.labels[name] == nil else { throw Problem("is given twice") }
        guard options.labels.count < 16 else { throw Problem("is one too many: an account may have 16 labels") }
        options.labels[name] = value
    }
}

extension ListenAddress {
    /// Whether the system chooses the port.
    var isAnyPort: Bool { port == 0 && path == nil }
}
