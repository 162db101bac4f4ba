import HTTPServer

/// The page that says what to do about each alert: `deploy/RUNBOOKS.md` as HTML, made once.
enum RunbooksPage {
    /// The address of the page for links of the status page: relative, for a proxy that has the exporter under another path.
    static let link = "./runbooks"

    /// The page, whose styles have this nonce.
    static func body(nonce: UInt64) -> Body {
        beforeNonce + Body("\(nonce)") + afterNonce
    }

    private static let beforeNonce = Body(
        """
        <!DOCTYPE html>
        <html lang="en"><head><meta charset="utf-8">
        <meta name="viewport" content="width=device-width, initial-scale=1">
        <meta name="color-scheme" content="light dark">
        <title>Runbooks · Hypersender exporter</title>
        <style nonce="
        """)

    private static let afterNonce: Body = {
        let runbooks = MarkdownRenderer(String(decoding: PackageResources.RUNBOOKS_md, as: UTF8.self))
        var page = HTML()
        page.markup("\">\n")
        page.markup(StatusPageStyle.text)
        page.markup(StatusPageStyle.runbooks)
        page.markup("</style>\n<link rel=\"icon\" href=\"")
        page.markup(Verdict.Level.neutral.icon)
        page.markup(
            """
            "></head>
            <body><main class="runbooks">
            <header><p class="brand"><a href="./">Hypersender exporter</a></p></header>
            <nav aria-label="Alerts"><ul>

            """)
        for heading in runbooks.headings where heading.level == 2 {
            page.markup("<li><a href=\"#")
            page.attribute(heading.anchor)
            page.element("\">", heading.title, "</a></li>\n")
        }
        page.markup("</ul></nav>\n")
        return Body(page.bytes + runbooks.html.bytes + Array("</main></body></html>\n".utf8))
    }()
}
