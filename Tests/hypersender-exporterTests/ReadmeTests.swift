import ArgumentParser
import Exposition
import FoundationEssentials
import HypersenderAPI
import Monitoring
import Testing

@testable import hypersender_exporter

/// README says of metrics and flags what the program has, and nothing else.
struct ReadmeTests {
    private let readme: String

    init() throws {
        let top = #filePath.split(separator: "/", omittingEmptySubsequences: false).dropLast(3).joined(separator: "/")
        readme = String(decoding: try Data(contentsOf: URL(filePath: "\(top)/README.md")), as: UTF8.self)
    }

    /// The cells of each table row whose first cell is one name in code font with this beginning.
    private func rows(_ beginning: String) -> [[String]] {
        readme.split(separator: "\n").filter { $0.hasPrefix("| `\(beginning)") }.map { row in
            row.split(separator: "|").map { String($0.drop { $0 == " " }.reversed().drop { $0 == " " }.reversed()) }
        }
    }

    @Test func theTableOfMetricsIsComplete() {
        let documented = (rows("hypersender_") + rows("process_")).map { "\($0[0]) \($0[1])" }
        let families = (Snapshot.accountFamilies + Snapshot.instanceFamilies + ExporterState.families).map {
            "`\($0.name)` \($0.type.rawValue)"
        }
        #expect(documented == families)
    }

    @Test func theTableOfFlagsIsComplete() {
        let documented = rows("--").map { $0[0] }.filter { $0 != "`--version`, `--help`" }
        let help = ExporterCommand.helpMessage(columns: 500)
        let flags = help.split(separator: "\n").compactMap { line -> String? in
            let text = line.drop { $0 == " " }
            guard text.hasPrefix("--") else {
                return nil
            }
            let name = text.prefix { $0 != " " }
            return name == "--version" ? nil : "`\(name)`"
        }
        #expect(flags.count > 15)
        #expect(documented == flags)
    }

    @Test func theTableOfReasonsIsComplete() {
        for reason in APIError.Reason.allCases.map(\.rawValue) {
            #expect(readme.contains("`\(reason)`"), "\(reason)")
        }
    }
}
