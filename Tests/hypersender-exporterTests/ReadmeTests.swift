import FoundationEssentials
import HypersenderAPI
import Testing

@testable import hypersender_exporter

/// The documents say of reasons what the program has, and nothing else.
struct ReadmeTests {
    /// The names in code font that begin the rows of a table, in the part of a document between two markers.
    private func names(_ part: String, in document: String) throws -> [String] {
        Repository.part(part, of: try Repository.text(document)).filter { $0.hasPrefix("| `") }.map {
            String($0.split(separator: "`")[1])
        }
    }

    @Test func theTableOfReasonsIsComplete() throws {
        let (told, reasons) = (try names("reasons", in: "deploy/METRICS.md"), APIError.Reason.allCases.map(\.rawValue))
        #expect(told == reasons, "deploy/METRICS.md needs a row for each reason, in this order: \(reasons)")
    }
}
