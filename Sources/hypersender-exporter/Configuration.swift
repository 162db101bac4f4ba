import Endpoints
import HTTPServer
import HypersenderAPI
import Logging
import Settings

/// What files say besides the flags; read at the start, and again at each reload.
struct Configuration: Sendable {
    var accounts: [AccountSettings]
    var security: WebSecurity

    /// Reads all files that the settings name.
    ///
    /// - Parameter demo: the account to poll with `--demo`.
    /// - Throws: `SettingsProblems`, with every mistake in all of them.
    init(_ settings: Settings, environment: [String: String], demo: AccountSettings?) throws(SettingsProblems) {
        var problems: [SettingsProblem] = []
        accounts = []
        security = WebSecurity()
        do throws(SettingsProblems) {
            if let demo {
                accounts = [demo]
            } else {
                accounts = try settings.accounts(environment: environment)
            }
        } catch {
            problems += error.problems
        }
        if let file = settings.webConfigFile {
            do throws(SettingsProblems) {
                security = try WebFile.read(path: file)
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
    /// Called once other accounts are polled.
    private var pageChanged: @Sendable () async -> Void = {}
    private let logger: Logger

    init(
        fleet: Fleet, security: LiveSecurity, exporter: ExporterStatus, logger: Logger,
        read: @escaping @Sendable () throws(SettingsProblems) -> Configuration
    ) {
        self.fleet = fleet
        self.security = security
        self.exporter = exporter
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
        exporter.configurationRead(succeeded: problems.isEmpty)
        for problem in problems {
            logger.error(
                "The configuration cannot be used; the one before stays in use", metadata: ["problem": "\(problem)"])
        }
        return problems
    }

    /// Puts the web configuration file into effect as it is now; the accounts stay as they are.
    func reloadSecurity(_ file: String) {
        do {
            try security.replace(with: try WebFile.read(path: file))
            logger.info("The web configuration file has changed, and is in use", metadata: ["file": "\(file)"])
        } catch {
            let problems = (error as? SettingsProblems)?.problems.map(\.description) ?? ["\(error)"]
            for problem in problems {
                logger.error(
                    "The web configuration file cannot be used; the settings before stay in use",
                    metadata: ["problem": "\(problem)"])
            }
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
            return ["\(error)"]
        }
        await fleet.apply(plan)
        await pageChanged()
        logger.info("The configuration is in use", metadata: ["accounts": "\(configuration.accounts.count)"])
        return []
    }
}
