import FoundationEssentials
import Testing

/// A file of expected output that lies beside these tests.
func golden(_ name: String, beside file: String = #filePath) throws -> String {
    let folder = file.split(separator: "/", omittingEmptySubsequences: false).dropLast().joined(separator: "/")
    let data = try Data(contentsOf: URL(filePath: "\(folder)/Golden/\(name)"))
    return try #require(String(validating: data, as: UTF8.self))
}
