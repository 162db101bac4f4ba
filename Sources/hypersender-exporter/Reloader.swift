import Basics
import Endpoints
import HTTPServer
import HypersenderAPI
import Logging
import Monitoring
import Settings

/// Reads the configuration again while the program runs, one reading at a time.
actor Reloader {
    private let settings: Settings
    private let polling: Program.Polling
    private let security: LiveSecurity
    private let time: any TimeSource
    private let logger: Logger
    /// The mistakes for which the files as they are now are not in use.
    private var mistakes = ConfigurationError()
    private var pageChanged: @Sendable () async -> Void = {}

    init(
        _ settings: Settings, _ polling: Program.Polling, _ security: LiveSecurity, time: any TimeSource, logger: Logger
    ) {
        (self.settings, self.polling, self.security) = (settings, polling, security)
        (self.time, self.logger) = (time, logger)
    }

    /// Sets what is to be called once other accounts are polled.
    func onReload(_ pageChanged: @escaping @Sendable () async -> Void) {
        self.pageChanged = pageChanged
    }

    /// Puts the configuration into effect as it is now, as a whole or not at all.
    ///
    /// - Parameter isAsked: whether somebody has asked for it; otherwise a file has changed.
    /// - Returns: the problems that keep it from being used; none if it is in use now.
    @discardableResult
    func reload(isAsked: Bool = true) async -> [String] {
        let configuration: Configuration
        do throws(ConfigurationError) {
            configuration = try attempt(isAsked: isAsked)
            mistakes = ConfigurationError()
        } catch {
            mistakes = error
            report(error.problems, "Configuration reload failed; keeping the previous configuration")
            return error.problems.map(\.description)
        }
        polling.exporter.configurationRead(succeeded: true)
        // All is in effect: files may be read again while this waits.
        await pageChanged()
        logger.info(
            "Configuration reloaded",
            metadata: configuration.security.summary.merging(["accounts": "\(configuration.accounts.count)"]) { $1 })
        logger.warn(of: configuration.warnings)
        return []
    }

    /// Reads files again when they have changed: the web configuration file, as the exporter-toolkit does at each
    /// request, the certificates, and the accounts file with `--config.auto-reload`.
    func followFiles() async {
        let flags = settings.flags
        var web = flags.webConfigFile.map(FileWatch.init)
        var accounts = flags.reloadsOnChange ? flags.accountsFile.map(FileWatch.init) : nil
        while (try? await Task.sleep(for: .seconds(1))) != nil {
            if accounts?.hasChanged() == true { await reload(isAsked: false) }
            if web?.hasChanged() == true, let path = flags.webConfigFile {
                reloadWebFile(path)
            }
            // Open connections are to end if the client authority has changed, even without new ones.
            security.refresh()
        }
    }

    /// Puts the web configuration file into effect as it is now; the accounts stay as they are.
    private func reloadWebFile(_ path: String) {
        do {
            let (new, warnings) = try WebFile.read(path: path, now: Int(time.now.unix))
            try checkLocks(new)
            try security.replace(with: new)
            mistakes.web = []
            logger.info("Web configuration file reloaded", metadata: new.summary.merging(["file": "\(path)"]) { $1 })
            logger.warn(of: warnings)
        } catch let error as SettingsProblems {
            mistakes.web = error.problems
        } catch {
            mistakes.web = [SettingsProblem(path, "\(error)")]
        }
        report(mistakes.web, "Web configuration file reload failed; keeping the previous settings")
    }

    /// Checks that a file takes neither TLS nor all passwords away: it may be half written, or lost. A reload that was
    /// asked for does what it says.
    private func checkLocks(_ new: WebSecurity) throws(Problem) {
        let old = security.settings
        guard old.tls == nil || new.tls != nil, old.users.isEmpty || !new.users.isEmpty else {
            throw Problem("takes TLS or all passwords away: if that is meant, reload by SIGHUP or POST /-/reload")
        }
    }

    private func report(_ problems: [SettingsProblem], _ message: Logger.Message) {
        polling.exporter.configurationRead(succeeded: mistakes.problems.isEmpty)
        for problem in problems { logger.error(message, metadata: ["problem": "\(problem)"]) }
    }

    /// Without a pause, so that no reading overtakes another.
    private func attempt(isAsked: Bool) throws(ConfigurationError) -> Configuration {
        var configuration = try Configuration(settings, now: time.now.unix)
        if let demo = polling.demo { configuration.accounts = [demo] }
        let plan: AccountManager.Plan
        do {
            plan = try polling.accounts.prepare(configuration.accounts)
        } catch {
            throw ConfigurationError(accounts: [SettingsProblem("accounts", error.description)])
        }
        do {
            if !isAsked { try checkLocks(configuration.security) }
            try security.replace(with: configuration.security)
        } catch {
            throw ConfigurationError(web: [SettingsProblem(settings.flags.webConfigFile ?? "", "\(error)")])
        }
        polling.accounts.apply(plan)
        polling.exporter.configurationInUse(hash: configuration.hash)
        return configuration
    }
}

extension WebSecurity {
    /// The requirements on clients, for the log.
    var summary: Logger.Metadata {
        var summary: Logger.Metadata = ["tls": "\(tls != nil)", "auth": users.isEmpty ? "none" : "basic"]
        if let clients = tls?.clients { summary["client_auth"] = "\(clients.policy.rawValue)" }
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

/// A file that may change.
private struct FileWatch {
    private let path: String
    private var known: FileFingerprint?
    private var seen: FileFingerprint?

    init(path: String) {
        self.path = path
        known = FileFingerprint(path: path)
        seen = known
    }

    /// Whether the file is another one than before, and two looks agree: one that is being written is not read.
    mutating func hasChanged() -> Bool {
        let version = FileFingerprint(path: path)
        defer { seen = version }
        guard version != known, version == seen else { return false }
        known = version
        return true
    }
}
