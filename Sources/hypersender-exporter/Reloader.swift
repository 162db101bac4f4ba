import Endpoints
import HTTPServer
import HypersenderAPI
import Logging
import Monitoring
import Settings

/// Reads the configuration again while the program runs, one reading at a time.
actor Reloader {
    /// The settings to read again, and the parts of the program they take effect in.
    struct Parts {
        let settings: Settings
        /// The account to poll with `--demo`.
        let demo: AccountSettings?
        let accounts: AccountManager
        let security: LiveSecurity
        let exporter: ExporterStatus
    }

    private let parts: Parts
    private let time: any TimeSource
    private let logger: Logger
    private var accountsAreGood = true
    private var webFileIsGood = true
    private var pageChanged: @Sendable () async -> Void = {}

    init(_ parts: Parts, time: any TimeSource, logger: Logger) {
        (self.parts, self.time, self.logger) = (parts, time, logger)
    }

    /// Sets what is to be called once other accounts are polled.
    func onReload(_ pageChanged: @escaping @Sendable () async -> Void) {
        self.pageChanged = pageChanged
    }

    /// Puts the configuration into effect as it is now, as a whole or not at all.
    ///
    /// - Returns: the problems that keep it from being used; none if it is in use now.
    func reload() async -> [String] {
        var mistakes = ConfigurationError()
        do throws(ConfigurationError) {
            try await attempt()
        } catch {
            mistakes = error
        }
        (accountsAreGood, webFileIsGood) = (mistakes.accounts.isEmpty, mistakes.web.isEmpty)
        report(mistakes, "Configuration reload failed; keeping the previous configuration")
        return mistakes.problems.map(\.description)
    }

    /// Puts the web configuration file into effect as it is now; the accounts stay as they are.
    ///
    /// A file that takes TLS or all passwords away is not followed: it may be half written, or lost. A reload does
    /// what it says.
    func reloadWebFile() {
        guard let path = parts.settings.flags.webConfigFile else { return }
        var mistakes = ConfigurationError()
        do {
            let (new, warnings) = try WebFile.read(path: path, now: Int(time.now.unix))
            let old = parts.security.settings
            if old.tls != nil && new.tls == nil || !old.users.isEmpty && new.users.isEmpty {
                let problem = "takes TLS or all passwords away: reload, if that is meant"
                mistakes.web = [SettingsProblem(path, problem)]
            } else {
                try parts.security.replace(with: new)
                logger.info(
                    "Web configuration file reloaded", metadata: new.summary.merging(["file": "\(path)"]) { $1 })
                logger.warn(of: warnings)
            }
        } catch let error as SettingsProblems {
            mistakes.web = error.problems
        } catch {
            mistakes.web = [SettingsProblem(path, "\(error)")]
        }
        webFileIsGood = mistakes.web.isEmpty
        report(mistakes, "Web configuration file reload failed; keeping the previous settings")
    }

    private func report(_ mistakes: ConfigurationError, _ message: Logger.Message) {
        parts.exporter.configurationRead(succeeded: accountsAreGood && webFileIsGood)
        for problem in mistakes.problems {
            logger.error(message, metadata: ["problem": "\(problem)"])
        }
    }

    private func attempt() async throws(ConfigurationError) {
        var configuration = try Configuration(parts.settings, now: time.now.unix)
        if let demo = parts.demo {
            configuration.accounts = [demo]
        }
        let plan: AccountManager.Plan
        do {
            plan = try await parts.accounts.prepare(configuration.accounts)
        } catch {
            throw ConfigurationError(accounts: [SettingsProblem("accounts", error.description)])
        }
        do {
            try parts.security.replace(with: configuration.security)
        } catch {
            await parts.accounts.discard(plan)
            throw ConfigurationError(web: [SettingsProblem(parts.settings.flags.webConfigFile ?? "", "\(error)")])
        }
        await parts.accounts.apply(plan)
        await pageChanged()
        logger.info(
            "Configuration reloaded",
            metadata: configuration.security.summary.merging(["accounts": "\(configuration.accounts.count)"]) { $1 })
        logger.warn(of: configuration.warnings)
    }
}

extension WebSecurity {
    /// The requirements on clients, for the log.
    var summary: Logger.Metadata {
        var summary: Logger.Metadata = ["tls": "\(tls != nil)", "auth": users.isEmpty ? "none" : "basic"]
        if let clients = tls?.clients {
            summary["client_auth"] = "\(clients.policy.rawValue)"
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
