import FoundationEssentials
import Testing

@testable import Endpoints

struct MarkdownRendererTests {
    @Test(arguments: [
        // Blocks.
        ("# One", "<h1 id=\"one\">One</h1>\n"), ("## A `b` c!", "<h2 id=\"a-b-c\">A <code>b</code> c!</h2>\n"),
        ("### x\ny", "<h3 id=\"x\">x</h3>\n<p>y</p>\n"), ("#x", "<p>#x</p>\n"), ("#### x", "<p>#### x</p>\n"),
        ("a\nb\n\nc\n", "<p>a b</p>\n<p>c</p>\n"), ("---", "<hr>\n"), ("", ""), ("\n \n", ""),
        ("    a <b>\n      c\n\nd", "<pre><code>a &lt;b&gt;\n  c\n</code></pre>\n<p>d</p>\n"),
        (
            "**Do**\n1. a\n   b\n2. c\n\nd",
            "<p><strong>Do</strong></p>\n<ol>\n<li>a b</li>\n<li>c</li>\n</ol>\n<p>d</p>\n"
        ),
        ("- a\n- b\n  c", "<ul>\n<li>a</li>\n<li>b c</li>\n</ul>\n"),
        ("- a\n1. b", "<ul>\n<li>a</li>\n</ul>\n<ol>\n<li>b</li>\n</ol>\n"),
        ("5 a minute\n.. x", "<p>5 a minute .. x</p>\n"), ("-a", "<p>-a</p>\n"),
        (
            "| | h |\n|---|---|\n| `a` | b, *c* |",
            "<table>\n<tr><th scope=\"col\"></th><th scope=\"col\">h</th></tr>\n"
                + "<tr><td><code>a</code></td><td>b, <em>c</em></td></tr>\n</table>\n"
        ),
        // Text.
        ("*a* **b *c* d** `*e*`", "<p><em>a</em> <strong>b <em>c</em> d</strong> <code>*e*</code></p>\n"),
        ("a_b_c * d ` e [f", "<p>a_b_c * d ` e [f</p>\n"), ("**a", "<p>**a</p>\n"), ("[] ** ``", "<p>[] ** ``</p>\n"),
        ("[a `b`](#c)", "<p><a href=\"#c\">a <code>b</code></a></p>\n"),
        ("[a](https://b.example/?c&d)", "<p><a href=\"https://b.example/?c&amp;d\">a</a></p>\n"),
        ("[a](b/c.md)", "<p><a href=\"b/c.md\">a</a></p>\n"), ("[a] (b)", "<p>[a] (b)</p>\n"),
        ("[a](javascript:b)", "<p>[a](javascript:b)</p>\n"), ("[a](Data:b)", "<p>[a](Data:b)</p>\n"),
        ("[a](#\"><b>)", "<p><a href=\"#&quot;&gt;&lt;b&gt;\">a</a></p>\n"),
        ("<script>&amp;'\"", "<p>&lt;script&gt;&amp;amp;&#39;&quot;</p>\n"),
    ])
    func renders(markdown: String, html: String) {
        #expect(String(decoding: MarkdownRenderer(markdown).html.bytes, as: UTF8.self) == html)
    }

    @Test(arguments: [
        ("HypersenderInstanceFailed", "hypersenderinstancefailed"),
        ("How to act on an instance", "how-to-act-on-an-instance"),
        ("What `a_b-c` is, and (d)!", "what-a_b-c-is-and-d"), ("Über 2", "über-2"),
    ])
    func makesTheAnchorsOfGitHub(title: String, anchor: String) {
        #expect(MarkdownRenderer.anchor(of: title) == anchor)
    }
}

/// A file of the repository, by its path from the top.
private func read(_ path: String) throws -> String {
    let top = #filePath.split(separator: "/", omittingEmptySubsequences: false).dropLast(3).joined(separator: "/")
    return String(decoding: try Data(contentsOf: URL(filePath: "\(top)/\(path)")), as: UTF8.self)
}

struct RunbooksPageTests {
    private let file: String
    private let page: String

    init() throws {
        file = try read("deploy/RUNBOOKS.md")
        page = String(decoding: RunbooksPage.page.html(nonce: 1).bytes, as: UTF8.self)
    }

    @Test func givesEachHeadingOneAnchor() {
        let headings = file.split(separator: "\n").filter { $0.hasPrefix("#") }.map {
            $0.drop { $0 == "#" }.dropFirst()
        }
        #expect(headings.count { $0.hasPrefix("Hypersender") } > 15)
        for heading in headings {
            #expect(page.ranges(of: " id=\"\(MarkdownRenderer.anchor(of: String(heading)))\"").count == 1, "\(heading)")
        }
    }

    @Test func hasATargetForEachLink() {
        let links = page.matches(of: /<a href="([^"]*)"/).map { String($0.output.1) }
        #expect(links.count > 30)
        for link in links {
            #expect(link == "./" || link.hasPrefix("#") && page.contains(" id=\"\(link.dropFirst())\""), "\(link)")
        }
    }

    @Test(arguments: Runbook.allCases)
    func hasASectionForEachLinkOfTheStatusPage(runbook: Runbook) {
        #expect(page.contains("<h2 id=\"\(runbook.anchor.dropFirst())\">\(runbook.rawValue)</h2>"))
    }

    @Test func leavesNoMarkdown() {
        let text = page[(page.firstRange(of: "<main")?.lowerBound ?? page.endIndex)...]
        for mark in ["**", "`", "|---", "](", "\n#", "\n- ", "\n|", "<script", "[U+"] {
            #expect(!text.contains(mark), "\(mark)")
        }
        #expect(!text.replacing(/<pre>.*?<\/pre>/.dotMatchesNewlines(), with: "").contains("*"))
    }

    @Test func hasTheStatusPagesStylesAndNonce() {
        let styles = String(decoding: PackageResources.status_css, as: UTF8.self)
        #expect(page.contains("<style nonce=\"1\">\n\(styles)"))
    }
}
