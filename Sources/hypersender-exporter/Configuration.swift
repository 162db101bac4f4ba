import Endpoints
import HTTPServer
import HypersenderAPI
import Logging
import Monitoring
import Settings

/// What files say besides the flags; read at the start, and again at each reload.
struct Configuration: Sendable {
    var accounts: [AccountSettings]
    var security: WebSecurity
    /// What works but is probably not meant.
    var warnings: [SettingsProblem]

    /// Reads all files that the settings name.
    ///
    /// - Parameters:
    ///   - now: in seconds since 1970.
    ///   - demo: the account to poll with `--demo`.
    /// - Throws: `SettingsProblems`, with every mistake in all of them and in the settings themselves.
    init(
        _ settings: Settings, environment: [String: String], now: Double, demo: AccountSettings?
    ) throws(SettingsProblems) {
        var problems = settings.problems
        accounts = []
        security = WebSecurity()
        warnings = []
        do throws(SettingsProblems) {
            if let demo {
                accounts = [demo]
            } else {
                (accounts, warnings) = try settings.accounts(environment: environment)
            }
        } catch {
            problems += error.problems
        }
        if let file = settings.webConfigFile {
            do throws(SettingsProblems) {
                let web = try WebFile.read(path: file, now: Int(now))
                security = web.security
                warnings += web.warnings
            } catch {
                problems += error.problems
            }
        }
        guard problems.isEmpty else {
            throw SettingsProblems(problems: problems)
        }
    }
}

/// Reads the configuration again while the program runs, one reading at a time.
actor Reloader {
    private let read: @Sendable () throws(SettingsProblems) -> Configuration
    private let fleet: Fleet
    private let security: LiveSecurity
    private let exporter: ExporterStatus
    private let webFile: String?
    private let time: any TimeSource
    private var webFileIsGood = true
    private var othersAreGood = true
    /// Called once other accounts are polled.
    private var pageChanged: @Sendable () async -> Void = {}
    private let logger: Logger

    init(
        fleet: Fleet, security: LiveSecurity, webFile: String?, exporter: ExporterStatus, time: any TimeSource,
        logger: Logger, read: @escaping @Sendable () throws(SettingsProblems) -> Configuration
    ) {
        self.fleet = fleet
        self.security = security
        self.webFile = webFile
        self.exporter = exporter
        self.time = time
        self.logger = logger
        self.read = read
    }

    /// Sets what is to be called once other accounts are polled.
    func onReload(_ pageChanged: @escaping @Sendable () async -> Void) {
        self.pageChanged = pageChanged
    }

    /// Puts the configuration into effect as it is now, as a whole or not at all.
    ///
    /// - Returns: what keeps it from being used; nothing where it is in use now.
    func reload() async -> [String] {
        let problems = await attempt()
        let ofWebFile = problems.count { problem in webFile.map { problem.hasPrefix($0) } ?? false }
        webFileIsGood = ofWebFile == 0
        othersAreGood = ofWebFile == problems.count
        exporter.configurationRead(succeeded: problems.isEmpty)
        for problem in problems {
            logger.error(
                "The configuration cannot be used; the one before stays in use", metadata: ["problem": "\(problem)"])
        }
        return problems
    }

    /// Puts the web configuration file into effect as it is now; the accounts stay as they are.
    ///
    /// A file that takes TLS or all passwords away is not followed: it may be half written, or lost. A reload does what it says.
    func reloadWebFile() {
        guard let webFile else {
            return
        }
        var problems: [String] = []
        do {
            let (new, warnings) = try WebFile.read(path: webFile, now: Int(time.now.unix))
            let old = security.settings
            if old.tls != nil && new.tls == nil || !old.users.isEmpty && new.users.isEmpty {
                problems = ["\(webFile): takes TLS or all passwords away: reload, if that is meant"]
            } else {
                try security.replace(with: new)
                logger.info(
                    "The web configuration file has changed, and is in use",
                    metadata: new.summary.merging(["file": "\(webFile)"]) { $1 })
                logger.warn(of: warnings)
            }
        } catch let error as SettingsProblems {
            problems = error.problems.map(\.description)
        } catch {
            problems = ["\(webFile): \(error)"]
        }
        webFileIsGood = problems.isEmpty
        exporter.configurationRead(succeeded: webFileIsGood && othersAreGood)
        for problem in problems {
            logger.error(
                "The web configuration file cannot be used; the settings before stay in use",
                metadata: ["problem": "\(problem)"])
        }
    }

    private func attempt() async -> [String] {
        let configuration: Configuration
        do {
            configuration = try read()
        } catch {
            return error.problems.map(\.description)
        }
        let plan: Fleet.Plan
        do {
            plan = try await fleet.prepare(configuration.accounts)
        } catch {
            return [error.description]
        }
        do {
            try security.replace(with: configuration.security)
        } catch {
            await fleet.discard(plan)
            return ["\(webFile ?? ""): \(error)"]
        }
        await fleet.apply(plan)
        await pageChanged()
        logger.info(
            "The configuration is in use",
            metadata: configuration.security.summary.merging(["accounts": "\(configuration.accounts.count)"]) { $1 })
        logger.warn(of: configuration.warnings)
        return []
    }
}

extension WebSecurity {
    /// What a client needs to be let in, for the log.
    var summary: Logger.Metadata {
        var summary: Logger.Metadata = [
            "tls": "\(tls != nil)", "auth": users.isEmpty ? "none" : "basic",
        ]
        if let tls, tls.clientAuth != .none {
            summary["client_auth"] = "\(tls.clientAuth.rawValue)"
        }
        return summary
    }
}

extension Logger {
    /// Warns of what works but is probably not meant.
    func warn(of warnings: [SettingsProblem]) {
        for warning in warnings {
            self.warning("Unusual setting", metadata: ["setting": "\(warning.place)", "problem": "\(warning.problem)"])
        }
    }
}
