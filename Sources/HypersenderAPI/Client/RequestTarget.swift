/// The server that a request is for.
struct Origin: Sendable, Hashable {
    var isEncrypted: Bool
    /// A name, or an address without brackets.
    var host: String
    var port: Int
}

/// The URL of a request, taken apart so that the request can be sent to an address of its host.
struct RequestTarget {
    let origin: Origin
    /// Host and port as the URL has them, for the `Host` field.
    let authority: String
    /// The URL's path and query.
    private let path: Substring

    /// - Returns: `nil` if the URL has no host, or is neither http nor https.
    init?(_ url: String) {
        let isEncrypted = url.hasPrefix("https://")
        guard isEncrypted || url.hasPrefix("http://") else {
            return nil
        }
        let rest = url.dropFirst(isEncrypted ? "https://".count : "http://".count)
        let end = rest.firstIndex { $0 == "/" || $0 == "?" } ?? rest.endIndex
        let authority = String(rest[..<end])
        let hostEnd = authority.lastIndex(of: "]").map { authority.index(after: $0) } ?? authority.lastIndex(of: ":")
        let host = hostEnd.map { String(authority[..<$0]) } ?? authority
        let port = hostEnd.flatMap { Int(authority[$0...].drop { $0 == ":" }) }
        guard !host.isEmpty else {
            return nil
        }
        self.authority = authority
        path = rest[end...]
        origin = Origin(
            isEncrypted: isEncrypted, host: host.trimmingBrackets,
            port: port ?? BaseURL.defaultPort(isEncrypted ? "https" : "http"))
    }

    /// Returns the URL with another host. It has no TLS in it: whoever makes the connection provides that.
    func url(at host: String) -> String {
        "http://\(host.contains(":") ? "[\(host)]" : host):\(origin.port)\(path)"
    }
}
