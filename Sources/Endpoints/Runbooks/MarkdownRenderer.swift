/// Renders the part of Markdown that `deploy/RUNBOOKS.md` uses as HTML.
///
/// Blocks: headings, paragraphs, lists of one level, tables, indented code, and rules. Within text: code, strong and
/// emphasised text, and links. Anything else is shown as it is written; all text is escaped.
struct MarkdownRenderer {
    private(set) var html = HTML()
    /// The headings in order, with the anchors by which links find them.
    private(set) var headings: [(level: Int, title: String, anchor: String)] = []

    init(_ markdown: String) {
        var lines = markdown.split(separator: "\n", omittingEmptySubsequences: false)[...]
        while let line = lines.first {
            if line.trimmed.isEmpty {
                lines.removeFirst()
            } else {
                writeBlock(line, &lines)
            }
        }
    }

    /// Returns the anchor that GitHub gives a heading: lower-case, spaces as dashes, without punctuation.
    static func anchor(of title: String) -> String {
        String(
            title.lowercased().compactMap { character in
                if character == " " { return "-" }
                return character.isLetter || character.isNumber || "-_".contains(character) ? character : nil
            })
    }

    // MARK: Blocks

    private mutating func writeBlock(_ line: Substring, _ lines: inout ArraySlice<Substring>) {
        let level = line.prefix { $0 == "#" }.count
        if line == "---" {
            lines.removeFirst()
            html.markup("<hr>\n")
        } else if (1...3).contains(level), line.dropFirst(level).hasPrefix(" ") {
            lines.removeFirst()
            writeHeading(level, line.dropFirst(level).trimmed)
        } else if line.hasPrefix("    ") {
            html.markup("<pre><code>")
            for line in Self.take(&lines, while: { $0.hasPrefix("    ") }) {
                html.element("", String(line.dropFirst(4)), "\n")
            }
            html.markup("</code></pre>\n")
        } else if line.hasPrefix("|") {
            writeTable(Self.take(&lines) { $0.hasPrefix("|") })
        } else if Self.item(line) != nil {
            writeList(&lines, isNumbered: line.first != "-")
        } else {
            // The first line belongs to it, whatever it looks like.
            let first = lines.removeFirst()
            let others = Self.take(&lines) { !$0.trimmed.isEmpty && Self.item($0) == nil }
            html.markup("<p>")
            writeText(([first] + others).joined(separator: " ")[...])
            html.markup("</p>\n")
        }
    }

    private mutating func writeHeading(_ level: Int, _ text: Substring) {
        let anchor = Self.anchor(of: String(text))
        headings.append((level, String(text), anchor))
        html.markup(level == 1 ? "<h1 id=\"" : level == 2 ? "<h2 id=\"" : "<h3 id=\"")
        html.attribute(anchor)
        html.markup("\">")
        writeText(text)
        html.markup(level == 1 ? "</h1>\n" : level == 2 ? "</h2>\n" : "</h3>\n")
    }

    /// Writes a table, whose second line parts the head from the body.
    private mutating func writeTable(_ lines: [Substring]) {
        html.markup("<table>\n")
        for (number, line) in lines.enumerated() where number != 1 {
            html.markup("<tr>")
            for cell in line.dropFirst().split(separator: "|", omittingEmptySubsequences: false).dropLast() {
                html.markup(number == 0 ? "<th scope=\"col\">" : "<td>")
                writeText(cell.trimmed)
                html.markup(number == 0 ? "</th>" : "</td>")
            }
            html.markup("</tr>\n")
        }
        html.markup("</table>\n")
    }

    private mutating func writeList(_ lines: inout ArraySlice<Substring>, isNumbered: Bool) {
        html.markup(isNumbered ? "<ol>\n" : "<ul>\n")
        while let line = lines.first, let text = Self.item(line), isNumbered == (line.first != "-") {
            lines.removeFirst()
            let others = Self.take(&lines) { $0.hasPrefix("  ") && !$0.trimmed.isEmpty }.map(\.trimmed)
            html.markup("<li>")
            writeText(([text] + others).joined(separator: " ")[...])
            html.markup("</li>\n")
        }
        html.markup(isNumbered ? "</ol>\n" : "</ul>\n")
    }

    /// Returns the text of a list's item that begins on this line; nil if none does.
    private static func item(_ line: Substring) -> Substring? {
        let mark = line.prefix { "0123456789".contains($0) }
        let isItem = line.hasPrefix("- ") || !mark.isEmpty && line.dropFirst(mark.count).hasPrefix(". ")
        return isItem ? line.dropFirst(mark.count + 2) : nil
    }

    private static func take(_ lines: inout ArraySlice<Substring>, while isWanted: (Substring) -> Bool) -> [Substring] {
        let taken = Array(lines.prefix(while: isWanted))
        lines = lines.dropFirst(taken.count)
        return taken
    }

    // MARK: Text

    private mutating func writeText(_ text: Substring) {
        let start = text.firstIndex { "`*[".contains($0) } ?? text.endIndex
        html.text(String(text[..<start]))
        guard start < text.endIndex else {
            return
        }
        let marked = text[start...]
        if let (code, rest) = Self.enclosed(marked, "`", "`") {
            html.element("<code>", String(code), "</code>")
            writeText(rest)
        } else if let (strong, rest) = Self.enclosed(marked, "**", "**") {
            html.markup("<strong>")
            writeText(strong)
            html.markup("</strong>")
            writeText(rest)
        } else if let (emphasised, rest) = Self.enclosed(marked, "*", "*") {
            html.markup("<em>")
            writeText(emphasised)
            html.markup("</em>")
            writeText(rest)
        } else if let (label, rest) = Self.enclosed(marked, "[", "]"),
            let (destination, rest) = Self.enclosed(rest, "(", ")"), Self.mayLead(to: destination)
        {
            html.markup("<a href=\"")
            html.attribute(String(destination))
            html.markup("\">")
            writeText(label)
            html.markup("</a>")
            writeText(rest)
        } else {
            html.text(String(marked.prefix(1)))
            writeText(marked.dropFirst())
        }
    }

    /// Returns the text between two marks, and what follows them; nil unless the text begins with such a pair.
    private static func enclosed(_ text: Substring, _ opening: String, _ closing: String) -> (Substring, Substring)? {
        let inner = text.dropFirst(opening.count)
        guard text.hasPrefix(opening), let end = inner.firstRange(of: closing), end.lowerBound > inner.startIndex else {
            return nil
        }
        return (inner[..<end.lowerBound], inner[end.upperBound...])
    }

    /// Whether a link may lead there: an address with http or https, or without any scheme.
    private static func mayLead(to destination: Substring) -> Bool {
        ["http://", "https://"].contains(where: destination.hasPrefix) || !destination.contains(":")
    }
}

extension Substring {
    /// The text without white space around it.
    fileprivate var trimmed: Substring {
        let text = drop(while: \.isWhitespace)
        return text.lastIndex { !$0.isWhitespace }.map { text[...$0] } ?? ""
    }
}
