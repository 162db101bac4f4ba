import Basics

/// Renders the part of Markdown that `deploy/RUNBOOKS.md` uses as HTML.
///
/// Blocks: headings, paragraphs, lists of one level, tables, indented code, and rules. Within text: code, strong and
/// emphasised text, and links. Anything else is shown as it is written; all text is escaped.
struct MarkdownRenderer {
    private(set) var html: HTML = ""
    /// The headings in order, with the anchors for links to them.
    private(set) var headings: [(level: Int, title: Substring, anchor: String)] = []
    private var lines: ArraySlice<Substring>

    init(_ markdown: String) {
        lines = markdown.split(separator: "\n", omittingEmptySubsequences: false)[...]
        while let line = lines.first {
            renderBlock(line)
        }
    }

    /// Returns the anchor that GitHub gives a heading: lower-case, spaces as dashes, without punctuation.
    static func anchor(of title: some StringProtocol) -> String {
        String(
            title.lowercased().compactMap { character in
                if character == " " { return "-" }
                return character.isLetter || character.isNumber || "-_".contains(character) ? character : nil
            })
    }

    private mutating func renderBlock(_ line: Substring) {
        let level = line.prefix { $0 == "#" }.count
        if line.allSatisfy(\.isWhitespace) {
            lines.removeFirst()
        } else if line == "---" {
            lines.removeFirst()
            html += "<hr>\n"
        } else if (1...3).contains(level), line.dropFirst(level).hasPrefix(" ") {
            lines.removeFirst()
            let title = line.dropFirst(level).trimming(while: \.isWhitespace)
            let anchor = Self.anchor(of: title)
            headings.append((level, title, anchor))
            html += "<h\(level) id=\"\(attribute: anchor)\">\(html: Self.inline(title))</h\(level)>\n"
        } else if line.hasPrefix("    ") {
            let code = take { $0.hasPrefix("    ") }
            html += "<pre><code>\(each: code.map { "\($0.dropFirst(4))\n" })</code></pre>\n"
        } else if line.hasPrefix("|") {
            renderTable(take { $0.hasPrefix("|") })
        } else if Self.item(line) != nil {
            renderList(isNumbered: line.first != "-")
        } else {
            // The first line belongs to the paragraph, whatever it looks like.
            let first = lines.removeFirst()
            let paragraph = [first] + take { !$0.allSatisfy(\.isWhitespace) && Self.item($0) == nil }
            html += "<p>\(html: Self.inline(paragraph.joined(separator: " ")[...]))</p>\n"
        }
    }

    /// Renders a table, whose second line separates the head from the body.
    private mutating func renderTable(_ lines: [Substring]) {
        let rows = lines.enumerated().filter { $0.offset != 1 }.map { number, line in
            let cells = line.dropFirst().split(separator: "|", omittingEmptySubsequences: false).dropLast()
            let elements = cells.map { cell in
                let text = Self.inline(cell.trimming(while: \.isWhitespace))
                return number == 0 ? "<th scope=\"col\">\(html: text)</th>" : "<td>\(html: text)</td>" as HTML
            }
            return "<tr>\(each: elements)</tr>\n" as HTML
        }
        html += "<table>\n\(each: rows)</table>\n"
    }

    private mutating func renderList(isNumbered: Bool) {
        let tag = isNumbered ? "ol" : "ul"
        html += "<\(tag)>\n"
        while let line = lines.first, let text = Self.item(line), isNumbered == (line.first != "-") {
            lines.removeFirst()
            let rest = take { $0.hasPrefix("  ") && !$0.allSatisfy(\.isWhitespace) }
            let item = ([text] + rest.map { $0.trimming(while: \.isWhitespace) }).joined(separator: " ")
            html += "<li>\(html: Self.inline(item[...]))</li>\n"
        }
        html += "</\(tag)>\n"
    }

    /// Returns the text of a list's item that begins on this line; `nil` if none does.
    private static func item(_ line: Substring) -> Substring? {
        let mark = line.prefix { "0123456789".contains($0) }
        let isItem = line.hasPrefix("- ") || !mark.isEmpty && line.dropFirst(mark.count).hasPrefix(". ")
        return isItem ? line.dropFirst(mark.count + 2) : nil
    }

    private mutating func take(while isWanted: (Substring) -> Bool) -> [Substring] {
        let taken = Array(lines.prefix(while: isWanted))
        lines = lines.dropFirst(taken.count)
        return taken
    }

    private static func inline(_ text: Substring) -> HTML {
        let start = text.firstIndex { "`*[".contains($0) } ?? text.endIndex
        guard start < text.endIndex else { return "\(text)" }
        let (element, rest) = element(text[start...])
        return "\(text[..<start])\(html: element)\(html: inline(rest))"
    }

    /// Returns the element that begins the text, or else its first character, and the text after it.
    private static func element(_ text: Substring) -> (HTML, Substring) {
        if let (code, rest) = enclosed(text, "`", "`") { return ("<code>\(code)</code>", rest) }
        if let (strong, rest) = enclosed(text, "**", "**") {
            return ("<strong>\(html: inline(strong))</strong>", rest)
        }
        if let (emphasised, rest) = enclosed(text, "*", "*") { return ("<em>\(html: inline(emphasised))</em>", rest) }
        if let (label, rest) = enclosed(text, "[", "]"), let (destination, rest) = enclosed(rest, "(", ")"),
            mayLead(to: destination)
        {
            return ("<a href=\"\(attribute: String(destination))\">\(html: inline(label))</a>", rest)
        }
        return ("\(text.prefix(1))", text.dropFirst())
    }

    /// Returns the text between two marks, and the text after them; `nil` unless the text begins with such a pair.
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
