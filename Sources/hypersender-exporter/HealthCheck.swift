import Basics
import Endpoints
import Glibc
import HTTPServer
import Monitoring
import Settings

/// Asks the exporter that runs with the same settings whether it serves, for service managers that have no client of HTTP at hand.
struct HealthCheck {
    private let settings: HealthCheckSettings

    /// Longer than it takes a busy machine, shorter than what Docker and Kubernetes are usually told to wait.
    private static let patience = Duration.seconds(3)

    private static let path = "/-/healthy"

    init(_ settings: HealthCheckSettings) {
        self.settings = settings
    }

    /// Asks at every address.
    ///
    /// - Returns: where it answers.
    /// - Throws: `ProgramErrors` with each address that does not answer as an exporter does.
    func run() async throws(ProgramErrors) -> String {
        // Where the file cannot be read, the exporter goes on as the file was before, probably with TLS.
        let encrypts = settings.webConfigFile.map { file in
            (try? WebFile.read(path: file, now: Int(SystemTime().now.unix))).map { $0.security.tls != nil } ?? true
        }
        var problems: [String] = []
        for address in settings.addresses {
            if let problem = await Self.problem(at: address, encrypts: encrypts) {
                problems.append("not healthy: \(address): \(problem)")
            }
        }
        guard problems.isEmpty else {
            throw ProgramErrors(problems)
        }
        return "healthy: \(settings.addresses.map(\.description).joined(separator: ", "))"
    }

    /// What is wrong at this address; nil if nothing is.
    ///
    /// - Parameter encrypts: whether the exporter is to serve with TLS; nil where there is no file that could say so. The exporter may
    ///   not have followed the file yet, so the other way is tried too.
    private static func problem(at address: ListenAddress, encrypts: Bool?) async -> String? {
        var problem: String?
        for usesTLS in encrypts.map({ [$0, !$0] }) ?? [false] {
            do throws(ProbeError) {
                let answer = try await Probe(address, usesTLS: usesTLS).ask(path, within: patience)
                if serves(answer) {
                    return nil
                }
                if case .status(let status) = answer {
                    problem = problem ?? "\(path) is answered \(status)"
                }
            } catch {
                problem = problem ?? "\(error)"
            }
        }
        return problem
    }

    /// Whether an exporter that serves may answer so. A check has no password or certificate, and may be one request too many: that it is
    /// told so shows that somebody is there.
    static func serves(_ answer: Probe.Answer) -> Bool {
        switch answer {
        case .status(let status): [200, 401, 429].contains(status)
        case .refused: true
        }
    }

    /// The arguments to go by: where the check is given none, those of the exporter that is the first process of its container, maybe behind
    /// an init, so that an image's health check holds whatever flags its user gives.
    static func arguments(own: [String], program: String, ofFirstProcess first: [String]) -> [String] {
        func name(_ path: String) -> Substring? {
            path.split(separator: "/").last
        }
        guard own == ["--healthcheck"], let place = first.firstIndex(where: { name($0) == name(program) }) else {
            return own
        }
        return own + first[(place + 1)...].filter { !own.contains($0) }
    }

    /// The command line of process 1; empty if that cannot be known.
    static func firstProcess() -> [String] {
        let bytes = (try? SmallFile.read("/proc/1/cmdline", limit: 128 << 10)) ?? []
        return bytes.split(separator: 0, omittingEmptySubsequences: false).dropLast().map {
            String(decoding: $0, as: UTF8.self)
        }
    }
}
