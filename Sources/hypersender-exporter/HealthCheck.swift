import Basics
import Endpoints
import HTTPServer
import Monitoring
import Settings

/// Checks the exporter that runs with the same settings, for service managers without an HTTP client.
enum HealthCheck {
    /// For each attempt: longer than a busy machine takes. Kubernetes needs a higher `timeoutSeconds` than its usual 1.
    private static let timeout = Duration.seconds(3)

    private static let path = "/-/healthy"

    /// Asks at every address.
    ///
    /// - Returns: the addresses, in a sentence.
    /// - Throws: `SettingsProblems` with each address that does not answer as an exporter does.
    static func run(_ given: GivenValues) async throws(SettingsProblems) -> String {
        let addresses = try given.addressesToCheck()
        // If the file cannot be read, the exporter goes on with the previous one, probably with TLS.
        let encrypts = given.values.webConfigFile.map { file in
            (try? WebFile.read(path: file, now: Int(SystemTime().now.unix))).map { $0.security.tls != nil } ?? true
        }
        var problems: [SettingsProblem] = []
        for address in addresses {
            if let problem = await problem(at: address, encrypts: encrypts) {
                problems.append(SettingsProblem("not healthy: \(address)", problem))
            }
        }
        guard problems.isEmpty else { throw SettingsProblems(problems) }
        return "healthy: \(addresses.map(\.description).joined(separator: ", "))"
    }

    /// Returns the problem at an address; `nil` if there is none.
    ///
    /// - Parameter encrypts: whether the exporter is to serve with TLS; `nil` if there is no file that could say so.
    ///   The exporter may not have followed the file yet, so the other way is tried too.
    private static func problem(at address: ListenAddress, encrypts: Bool?) async -> String? {
        var problem: String?
        for usesTLS in encrypts.map({ [$0, !$0] }) ?? [false] {
            do throws(Problem) {
                let status = try await Probe(address: address, usesTLS: usesTLS).ask(path, within: timeout)
                guard let status, !serves(status) else { return nil }
                problem = problem ?? "\(path) is answered \(status)"
            } catch {
                problem = problem ?? "\(error)"
            }
        }
        return problem
    }

    /// Whether a healthy exporter may answer so: a check has no password or certificate, and may be one request too
    /// many.
    static func serves(_ status: Int) -> Bool { [200, 401, 403, 429].contains(status) }

    /// Returns the arguments of the command line; for a mere `--healthcheck` with those of the container's first
    /// process.
    ///
    /// An image's health check knows nothing of the flags that its user gives, and an exec probe runs beside the
    /// exporter: only the command line of process 1, maybe an init's with the exporter's behind it, tells where it
    /// listens.
    static func arguments(own: [String], program: String, ofFirstProcess first: [String]) -> [String] {
        func name(_ path: String) -> Substring? { path.split(separator: "/").last }
        guard own == ["--healthcheck"], let place = first.firstIndex(where: { name($0) == name(program) }) else {
            return own
        }
        return own + first[(place + 1)...].filter { !own.contains($0) }
    }

    /// Returns the command line of process 1; empty if it cannot be read.
    static func firstProcess() -> [String] {
        let bytes = (try? SmallFile.read("/proc/1/cmdline", limit: 128 << 10)) ?? []
        return bytes.split(separator: 0, omittingEmptySubsequences: false).dropLast().map {
            String(decoding: $0, as: UTF8.self)
        }
    }
}
