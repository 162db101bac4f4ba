import FoundationEssentials
import Testing

/// The files of the repository that these tests are part of.
enum Repository {
    static let top = #filePath.split(separator: "/", omittingEmptySubsequences: false).dropLast(3).joined(
        separator: "/")

    /// The text of a file, by its path from the top.
    static func text(_ path: String) throws -> String {
        String(decoding: try Data(contentsOf: URL(filePath: "\(top)/\(path)")), as: UTF8.self)
    }

    /// The names in a file, those with a dot or the backslash of a key path between them as one, such as `flags.logLevel`.
    static func expressions(in path: String) throws -> [Substring] {
        // Regular expressions take much longer.
        try text(path).utf8.split { byte in
            let isLetter = (97...122).contains(byte | 0x20)
            return !isLetter && !(48...57).contains(byte) && !"_.\\".utf8.contains(byte)
        }.map { Substring($0) }
    }

    /// The lines of a text between the markers `<!-- part -->` and `<!-- /part -->`; none where there is no such part.
    static func part(_ name: String, of text: String) -> ArraySlice<Substring> {
        let lines = text.split(separator: "\n", omittingEmptySubsequences: false)
        return lines.drop { $0 != "<!-- \(name) -->" }.dropFirst().prefix { $0 != "<!-- /\(name) -->" }
    }

    /// Compares a part of a file, or all of it, with the lines that it is to have. With `UPDATE_GOLDEN` set they are
    /// written instead.
    static func expect(_ lines: [String], in path: String, part name: String? = nil) throws {
        let text = try text(path)
        let all = text.split(separator: "\n", omittingEmptySubsequences: false)
        let old = name.map { part($0, of: text) } ?? all.dropLast()
        // Without its two markers, a part would begin or end with the file.
        try #require(name == nil || old.startIndex > 0 && old.endIndex < all.endIndex, "\(path) has no such part")
        if ProcessInfo.processInfo.environment["UPDATE_GOLDEN"] != nil {
            let new = (all[..<old.startIndex] + lines.map { $0[...] } + all[old.endIndex...]).joined(separator: "\n")
            try Data(new.utf8).write(to: URL(filePath: "\(top)/\(path)"), options: .atomic)
        } else {
            #expect(old.map(String.init) == lines, "UPDATE_GOLDEN=1 swift test writes \(path) anew")
        }
    }

    /// The files whose names end so, in the folders that are not hidden.
    static func files(endingIn suffix: String, below folder: String = "") throws -> [String] {
        let start = folder.isEmpty ? top : "\(top)/\(folder)"
        return try FileManager.default.contentsOfDirectory(atPath: start).sorted().flatMap { name -> [String] in
            let path = folder.isEmpty ? name : "\(folder)/\(name)"
            var isFolder = false
            guard !name.hasPrefix("."), FileManager.default.fileExists(atPath: "\(top)/\(path)", isDirectory: &isFolder)
            else {
                return []
            }
            return isFolder ? try files(endingIn: suffix, below: path) : name.hasSuffix(suffix) ? [path] : []
        }
    }

    /// The path from the top that a relative link leads to from a folder.
    static func path(_ link: String, from folder: [String]) -> String {
        link.split(separator: "/").reduce(into: folder) { path, part in
            if part == ".." {
                _ = path.popLast()
            } else if part != "." {
                path.append(String(part))
            }
        }.joined(separator: "/")
    }
}
