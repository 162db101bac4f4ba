public import Basics
public import HTTPServer
public import HypersenderAPI
public import Monitoring

/// How log lines are written.
public enum LogFormat: String, Sendable, CaseIterable {
    case logfmt
    case json
}

/// What is logged: this and what is graver.
public enum LogLevel: String, Sendable, CaseIterable {
    case debug
    case info
    case warn
    case error
}

/// What the user asked for.
public struct Settings: Sendable, Equatable {
    public var listenAddresses: [ListenAddress]
    public var telemetryPath: String
    /// Scrapes answered at the same time; 0 is no limit.
    public var maxRequests: Int
    public var disablesExporterMetrics: Bool
    /// The page that the status page's links to runbooks lead to; nil for the exporter's own.
    public var runbookURL: String?
    /// The web configuration file; nil for plain HTTP.
    public var webConfigFile: String?
    /// Whether `POST /-/reload` is there.
    public var enablesLifecycle: Bool
    /// Whether to serve on sockets that systemd opened, and not on `listenAddresses`.
    public var usesSystemdSockets: Bool
    /// Whether to read everything, report every mistake, and end.
    public var checksOnly: Bool
    /// Which of the accounts of a file are polled.
    public var shard: Shard
    public var statusSet: StatusSet
    public var logLevel: LogLevel
    public var logFormat: LogFormat
    /// What is polled.
    public var source: Source
    public var polling: Polling
    /// What works but is probably not meant.
    public var warnings: [SettingsProblem]

    /// Where the instances come from.
    public enum Source: Sendable, Equatable {
        /// The Hypersender API.
        case api(baseURL: BaseURL, token: TokenSource)
        /// The accounts that a file names.
        case file(path: String)
        /// A simulated account within the program.
        case demo
    }

    /// What was given as a flag or in the environment, and so takes precedence over a file of accounts.
    public struct Overrides: Sendable, Equatable {
        public var baseURL: BaseURL?
        public var allowsHTTP = false
        /// The names of the flags.
        public var flags: Set<String> = []
    }

    /// What takes precedence over a file of accounts.
    public var overrides: Overrides

    /// What keeps these settings from being used; where there is something, they hold defaults in its place.
    public private(set) var problems: [SettingsProblem] = []

    /// How an account is polled, wherever it is.
    public struct Polling: Sendable, Equatable {
        public var filter: InstanceFilter
        public var phone: PhonePrivacy
        public var proxies: ProxySettings
        public var caFile: String?
        public var systemAuthorities: SystemAuthorities
        public var interval: Duration
        public var timeout: Duration
        public var staleAfter: Duration
        public var maxResponseBytes: Int

        /// Whether polls alone would use up the API's smallest plan, and what is said of that.
        var isHasty: Bool { interval < .seconds(10) }
        static let hasty =
            "the API's smallest plan allows 10 requests a minute, and polls spend the same budget as sent messages"

        /// Whether data is withdrawn although polls go well, and what is said of that.
        var staysHardlyFresh: Bool { staleAfter < interval * 1.1 }
        static let hardlyFresh =
            "data is kept hardly longer than the poll interval, or not as long: it will be withdrawn between polls"

        /// How the client asks for this account at an address with a token.
        ///
        /// - Throws: `ProxyError` if the proxy for that address cannot be used.
        public func client(
            baseURL: BaseURL, token: TokenSource, userAgent: String
        ) throws(ProxyError) -> APIConfiguration {
            var configuration = APIConfiguration(baseURL: baseURL, token: token, userAgent: userAgent)
            configuration.filter = filter
            configuration.phone = phone
            configuration.proxy = try proxies.proxy(for: baseURL)
            configuration.caFile = caFile
            configuration.systemAuthorities = systemAuthorities
            configuration.timeout = timeout
            configuration.maximumResponseBytes = maxResponseBytes
            return configuration
        }
    }

    /// What holds where the user says nothing.
    public enum Default {
        public static let listenAddress = ":10058"
        public static let demoListenAddress = "127.0.0.1:10058"
        public static let telemetryPath = "/metrics"
        public static let maxRequests = 40
        public static let baseURL = "https://app.hypersender.com/api/whatsapp/v1"
        /// `baseURL`, read.
        static let apiURL: BaseURL = {
            do {
                return try BaseURL(baseURL)
            } catch {
                preconditionFailure("the default address cannot be read: \(error)")
            }
        }()
        public static let interval = Duration.seconds(30)
        public static let demoInterval = Duration.seconds(5)
        public static let timeout = Duration.seconds(10)
        public static let maxResponseBytes = 64 << 20
    }

    /// Reads flags and environment.
    ///
    /// - Throws: `SettingsProblems` with every mistake there is.
    public init(_ given: GivenValues) throws(SettingsProblems) {
        self.init(reading: given)
        guard problems.isEmpty else {
            throw SettingsProblems(problems: problems)
        }
    }

    /// Reads flags and environment, and takes note of every mistake in `problems`: what is left is enough to check the files that are named.
    public init(reading given: GivenValues) {
        var reading = Reading(given)
        let isDemo = reading.isSet("demo")
        listenAddresses = Self.listenAddresses(&reading, isDemo: isDemo)
        telemetryPath = Self.telemetryPath(&reading)
        maxRequests = reading.value("web.max-requests", .integer(0...1_000_000)) ?? Default.maxRequests
        disablesExporterMetrics = reading.isSet("web.disable-exporter-metrics")
        runbookURL = Self.runbookURL(&reading)
        webConfigFile = reading.text("web.config.file")
        enablesLifecycle = reading.isSet("web.enable-lifecycle")
        usesSystemdSockets = reading.isSet("web.systemd-socket")
        checksOnly = reading.isSet("config.check")
        shard = Self.shard(&reading)
        overrides = Self.overrides(&reading)
        statusSet = reading.value("metrics.status-set", .choice()) ?? .all
        logLevel = reading.value("log.level", .choice()) ?? .info
        logFormat = reading.value("log.format", .choice()) ?? .logfmt
        polling = Self.polling(&reading, isDemo: isDemo)
        let source = Self.source(&reading, isDemo: isDemo, baseURL: overrides.baseURL, proxies: polling.proxies)
        warnings = reading.warnings
        problems = reading.problems
        // Without one there is a problem, and no account to look at.
        self.source = source ?? .demo
        if !problems.isEmpty, let file = given.given("config.file")?.values.last, !file.allSatisfy(\.isWhitespace) {
            // Whatever it must not be combined with, its own mistakes are to be told.
            self.source = .file(path: file)
        }
    }

    static func listenAddresses(_ reading: inout Reading, isDemo: Bool) -> [ListenAddress] {
        let given = reading.given.given("web.listen-address")
        let texts = given?.values.flatMap {
            $0.split(separator: ",", omittingEmptySubsequences: false).map(String.init)
        }
        var addresses: [ListenAddress] = []
        for text in texts ?? [isDemo ? Default.demoListenAddress : Default.listenAddress] {
            do {
                let address = try ListenAddress(text)
                if addresses.contains(address), address.port != 0 || address.path != nil {
                    reading.report(given?.place ?? "", "\"\(text)\" is given twice")
                }
                addresses.append(address)
            } catch {
                reading.report(given?.place ?? "", "\(error)")
            }
        }
        return addresses
    }

    private static func telemetryPath(_ reading: inout Reading) -> String {
        reading.value("web.telemetry-path", default: Default.telemetryPath) { (text) throws(ValueProblem) in
            let isPath = text.hasPrefix("/") && text.utf8.allSatisfy { (0x21...0x7E).contains($0) }
            guard isPath, !text.contains("?"), !text.contains("#") else {
                throw ValueProblem("is not a path: write it like /metrics")
            }
            guard !text.hasPrefix("/-/") else {
                throw ValueProblem("is below /-/, where health and readiness are")
            }
            guard text != "/runbooks" else {
                throw ValueProblem("is where the runbooks are")
            }
            return text
        }
    }

    private static func runbookURL(_ reading: inout Reading) -> String? {
        let url = reading.value("web.runbook-url", default: "") { (text) throws(ValueProblem) in
            let parts = text.split(separator: "/", maxSplits: 2, omittingEmptySubsequences: false)
            guard text.isEmpty || parts.count == 3 && parts[1].isEmpty && !parts[2].hasPrefix("/") && !parts[2].isEmpty,
                text.isEmpty || ["http:", "https:"].contains(parts[0].lowercased()),
                text.utf8.allSatisfy({ (0x21...0x7E).contains($0) })
            else {
                throw ValueProblem("is not an address with http or https: write it like https://wiki.example/runbooks")
            }
            guard !text.contains("#") else {
                throw ValueProblem("has a # in it, which the links add themselves")
            }
            return text
        }
        return url.isEmpty ? nil : url
    }

    private static func polling(_ reading: inout Reading, isDemo: Bool) -> Polling {
        let interval =
            reading.value("poll.interval", .duration(.seconds(1)...(.seconds(86400))))
            ?? (isDemo ? Default.demoInterval : Default.interval)
        let staleAfter =
            reading.value("poll.stale-after", .duration(.seconds(1)...(.seconds(7 * 86400)))) ?? interval * 3
        let proxies = isDemo ? .none : reading.given.proxies
        for entry in proxies.uselessExceptions {
            reading.warn(
                proxies.exceptionsVariable,
                "\(entry) can never match, and is ignored: write a host name, an address or a network such as 10.0.0.0/8"
            )
        }
        let polling = Polling(
            filter: filter(&reading), phone: reading.value("metrics.phone", .choice()) ?? .off, proxies: proxies,
            caFile: reading.text("hypersender.ca-file"), systemAuthorities: reading.given.systemAuthorities,
            interval: interval,
            timeout: reading.value("poll.timeout", .duration(.milliseconds(100)...(.seconds(600)))) ?? Default.timeout,
            staleAfter: staleAfter,
            maxResponseBytes: reading.value("poll.max-response-bytes", .size(1024...(1 << 32)))
                ?? Default.maxResponseBytes)
        if polling.isHasty, !isDemo, let place = reading.given.given("poll.interval")?.place {
            reading.warn(place, Polling.hasty)
        }
        if polling.staysHardlyFresh, let place = reading.given.given("poll.stale-after")?.place {
            reading.warn(place, Polling.hardlyFresh)
        }
        return polling
    }

    private static func filter(_ reading: inout Reading) -> InstanceFilter {
        let status = reading.optional("hypersender.filter.status") { (text) throws(ValueProblem) in
            try statusFilter(text)
        }
        return InstanceFilter(
            uuid: reading.text("hypersender.filter.uuid"), name: reading.text("hypersender.filter.name"),
            phone: reading.text("hypersender.filter.phone"), status: status)
    }

    /// Flags that say what accounts of a file may say for themselves.
    private static let accountFlags = [
        "hypersender.base-url", "hypersender.filter.uuid", "hypersender.filter.name", "hypersender.filter.phone",
        "hypersender.filter.status", "poll.interval", "poll.timeout", "poll.stale-after",
    ]

    private static func overrides(_ reading: inout Reading) -> Overrides {
        let allowsHTTP = reading.isSet("hypersender.allow-http")
        let baseURL = reading.optional("hypersender.base-url", quote: Redaction.quoteAddress) {
            (text) throws(ValueProblem) in
            do throws(BaseURLError) {
                return try BaseURL(text, allowHTTP: allowsHTTP)
            } catch {
                throw ValueProblem(error.description)
            }
        }
        return Overrides(
            baseURL: baseURL, allowsHTTP: allowsHTTP,
            flags: Set(accountFlags.filter { reading.given.given($0) != nil }))
    }

    private static func shard(_ reading: inout Reading) -> Shard {
        let mistakes = reading.problems.count
        let total = reading.value("total-shards", .integer(1...100_000)) ?? 1
        var index = reading.value("shard", .integer(0...99_999)) ?? 0
        var place = reading.given.given("shard")?.place
        if reading.isSet("shard-from-hostname"), let given = reading.given.given("shard-from-hostname") {
            if let place {
                reading.report(place, "cannot be combined with \(given.place)")
            } else if let ordinal = Shard.ordinal(ofHostName: reading.given.hostName) {
                index = ordinal
            } else {
                reading.report(
                    given.place,
                    "the host name \(Redaction.quote(reading.given.hostName)) does not end in a number after a dash")
            }
            place = given.place
        }
        for flag in ["shard", "total-shards", "shard-from-hostname"] where reading.given.given("config.file") == nil {
            if let place = reading.given.given(flag)?.place {
                reading.report(place, "only the accounts of a --config.file can be divided among replicas")
            }
        }
        guard index < total else {
            reading.report(
                place ?? "total-shards",
                "is \(index), and there are \(total) shards, numbered from 0: see --total-shards")
            return .unknown
        }
        return reading.problems.count == mistakes ? Shard(index: index, total: total) : .unknown
    }

    /// Reads one status or several.
    static func statusFilter(_ text: String) throws(ValueProblem) -> String {
        let known = InstanceStatus.documented.map(\.rawValue)
        for name in text.split(separator: ",", omittingEmptySubsequences: false) where !known.contains(String(name)) {
            throw ValueProblem("is not one or more of \(known.joined(separator: ",")), with commas in between")
        }
        return text
    }
}
