import FoundationEssentials
import Testing

/// The links of all Markdown files lead somewhere.
struct LinkTests {
    @Test func everyRelativeLinkLeadsToAFileAndAnAnchor() throws {
        let documents = try Repository.files(endingIn: ".md")
        #expect(documents.count > 8)
        for document in documents {
            let folder = document.split(separator: "/").dropLast().map(String.init)
            for link in links(try Repository.text(document)) where !link.contains("://") {
                let parts = link.split(separator: "#", maxSplits: 1, omittingEmptySubsequences: false).map(String.init)
                let target = parts[0].isEmpty ? document : Repository.path(parts[0], from: folder)
                guard FileManager.default.fileExists(atPath: "\(Repository.top)/\(target)") else {
                    Issue.record("\(document): \(link) leads to no file")
                    continue
                }
                if parts.count == 2 {
                    #expect(anchors(try Repository.text(target)).contains(parts[1]), "\(document): \(link)")
                }
            }
        }
    }

    private func links(_ text: String) -> [String] {
        text.matches(of: #/\]\(([^)\s]+)\)|(?:src|srcset|href)="([^"]+)"/#).compactMap {
            ($0.1 ?? $0.2).map(String.init)
        }
    }

    /// The anchors that GitHub and the exporter's own page give to headings.
    private func anchors(_ text: String) -> [String] {
        var isCode = false
        var anchors: [String] = []
        for line in text.split(separator: "\n") {
            if line.hasPrefix("```") {
                isCode.toggle()
            }
            guard !isCode, line.hasPrefix("#") else {
                continue
            }
            let kept = line.drop { $0 == "#" }.dropFirst().lowercased().filter {
                $0.isLetter || $0.isNumber || "-_ ".contains($0)
            }
            anchors.append(String(kept.map { $0 == " " ? "-" : $0 }))
        }
        return anchors
    }
}
