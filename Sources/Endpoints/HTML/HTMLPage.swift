import HTTPServer

/// An HTML page without scripts.
struct HTMLPage {
    var title: String
    var icon = StatusSummary.Level.neutral.icon
    /// Whether the browser is to load the page again every 30 seconds.
    var refreshes = false
    var styles = PackageResources.status_css
    var body: HTML

    /// The page as a response that allows a browser no scripts, nothing from elsewhere, and no styles but the page's.
    var response: Response {
        let nonce = UInt64.random(in: .min ... .max)
        return Response(
            status: 200,
            headers: [
                "Content-Type": "text/html; charset=utf-8",
                "Content-Security-Policy":
                    "default-src 'none'; style-src 'nonce-\(nonce)'; img-src data:; base-uri 'none'; "
                    + "form-action 'self'; frame-ancestors 'none'",
                "Cache-Control": "no-store",
                "Referrer-Policy": "no-referrer",
                "X-Content-Type-Options": "nosniff",
                "X-Frame-Options": "DENY",
            ],
            body: Body(html(nonce: nonce).bytes))
    }

    /// - Parameter nonce: ties the styles to the response's policy.
    func html(nonce: UInt64) -> HTML {
        """
        <!DOCTYPE html>
        <html lang="en"><head><meta charset="utf-8">
        <meta name="viewport" content="width=device-width, initial-scale=1">
        <meta name="color-scheme" content="light dark">
        \(html: refreshes ? "<meta http-equiv=\"refresh\" content=\"30\">\n" : "")\
        <title>\(title) · Hypersender exporter</title>
        <link rel="icon" href="\(html: icon)">
        <style nonce="\(nonce)">
        \(resource: styles)</style></head>
        <body>\(html: body)</body></html>

        """
    }
}
