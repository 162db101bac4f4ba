/// The page that explains each alert: `deploy/RUNBOOKS.md` as HTML.
enum RunbooksPage {
    /// The address of the page: relative, for a proxy that has the exporter under another path.
    static let link = "./runbooks"

    static let page: HTMLPage = {
        let runbooks = MarkdownRenderer(String(decoding: PackageResources.RUNBOOKS_md, as: UTF8.self))
        let alerts = runbooks.headings.filter { $0.level == 2 }.map { heading in
            "<li><a href=\"#\(attribute: heading.anchor)\">\(heading.title)</a></li>\n" as HTML
        }
        return HTMLPage(
            title: "Runbooks", styles: PackageResources.status_css + PackageResources.runbooks_css,
            body: """
                <main class="runbooks">
                <header><p class="brand"><a href="./">Hypersender exporter</a></p></header>
                <nav aria-label="Alerts"><ul>
                \(each: alerts)</ul></nav>
                \(html: runbooks.html)</main>
                """)
    }()
}
