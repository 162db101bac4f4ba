import FoundationEssentials
import Testing

/// Sources/README.md, Package.swift and the imports in Sources agree.
struct HouseTests {
    private let readme: String

    init() throws {
        readme = try Repository.text("Sources/README.md")
    }

    @Test func roomsImportWhatTheTableAndThePackageSay() throws {
        let allowed = table()
        let declared = try dependencies()
        let rooms = try Repository.files(endingIn: ".swift", below: "Sources").reduce(into: [String: Set<String>]()) {
            $0[String($1.split(separator: "/")[1]), default: []].formUnion(try imports(of: $1))
        }
        #expect(Set(allowed.keys) == Set(rooms.keys), "the table's rooms are the folders of Sources")
        for (room, imported) in rooms {
            #expect(imported == allowed[room], "\(room): imports and the table in Sources/README.md")
            #expect(imported == declared[room], "\(room): imports and Package.swift")
        }
    }

    /// A name in code font is that of a file, with or without its ending, or is a word in Sources.
    @Test func namesAndFilesAreThere() throws {
        var files = ["Package.swift"]
        for folder in ["Sources", "Tests", "deploy"] {
            files += try Repository.files(endingIn: "", below: folder)
        }
        var known: Set<String> = []
        for file in files {
            let parts = file.split(separator: "/")
            for count in parts.indices {
                known.insert(parts[...count].joined(separator: "/"))
                known.insert(String(parts[count]))
            }
            if file.hasSuffix(".swift") {
                known.insert(String(parts.last!.dropLast(6)))
            }
            if ["Sources/", "Tests/"].contains(where: file.hasPrefix), file.hasSuffix(".swift") {
                let words = try Repository.expressions(in: file).flatMap { $0.utf8.split { ".\\".utf8.contains($0) } }
                known.formUnion(words.map { String(Substring($0)) })
            }
        }
        var isCode = false
        for line in readme.split(separator: "\n") {
            if line.hasPrefix("```") {
                isCode.toggle()
            }
            // In the picture, words with a second capital letter are types.
            let names =
                isCode
                ? line.matches(of: #/\b([A-Z][a-z]+[A-Z]\w*)/#).map { String($0.1) }
                : line.matches(of: #/`(?:--)?([^` ]+)`/#).map { String($0.1) }
            for name in names {
                if !known.contains(name) {
                    Issue.record("\(name) is no file and no word in Sources or Tests")
                }
            }
        }
    }

    @Test func readmesAreShort() throws {
        #expect(readme.split(separator: "\n", omittingEmptySubsequences: false).count <= 150)
        let front = try Repository.text("README.md")
        #expect(front.utf8.count <= 10_240)
        for line in front.split(separator: "\n") {
            #expect(line.count <= 120, "\(line)")
        }
    }

    /// The modules that each room may import, from the table of rooms: all names in its last two cells.
    private func table() -> [String: Set<String>] {
        let rows = Repository.part("rooms", of: readme).map { $0.split(separator: "|") }.filter { $0.count == 4 }
        return Dictionary(
            uniqueKeysWithValues: rows.compactMap { cells in
                names(cells[0]).first.map { ($0, Set(names(cells[2]) + names(cells[3]))) }
            })
    }

    private func names(_ text: Substring) -> [String] {
        text.matches(of: #/`([^`]+)`/#).map { String($0.1) }
    }

    /// The modules that a file imports, but for those that come with Swift and the system.
    private func imports(of file: String) throws -> [String] {
        try Repository.text(file).utf8.split(separator: UInt8(ascii: "\n")).filter { line in
            // Regular expressions take too long to be tried on every line.
            ["import ", "public ", "package ", "internal ", "fileprivate ", "private ", "@"].contains {
                line.starts(with: $0.utf8)
            }
        }.compactMap {
            Substring($0).wholeMatch(of: #/(?:@?\w+ )*import (?:(?:struct|enum|class|func) )?(\w+).*/#).map {
                String($0.1)
            }
        }.filter { !["Dispatch", "FoundationEssentials", "Glibc", "Synchronization"].contains($0) }
    }

    /// The dependencies of each room in Package.swift.
    private func dependencies() throws -> [String: Set<String>] {
        let package = try Repository.text("Package.swift")
        let products = Dictionary(
            uniqueKeysWithValues: package.matches(of: #/let (\w+) = Target\.Dependency\.product\(name: "(\w+)"/#).map {
                (String($0.1), String($0.2))
            })
        let targets = package.matches(of: #/\n +sources\(\s*"([^"]+)",(?: program: true,)?\s*\[([^\]]*)\]/#)
        return Dictionary(
            uniqueKeysWithValues: targets.map { target in
                let names = target.2.split { ", \n".contains($0) }.map { item in
                    item.hasPrefix("\"") ? String(item.dropFirst().dropLast()) : products[String(item)] ?? String(item)
                }
                return (String(target.1), Set(names))
            })
    }
}
