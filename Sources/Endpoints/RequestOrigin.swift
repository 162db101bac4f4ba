import HTTPServer

extension Request {
    /// Whether a page of another site may have made a browser send this.
    ///
    /// A browser says so itself (Fetch Metadata), or at least names the page's origin (RFC 6454). Other clients send
    /// neither.
    var isFromAnotherSite: Bool {
        guard ["same-origin", "none"].contains(headers["Sec-Fetch-Site"] ?? "none") else { return true }
        guard let origin = headers["Origin"] else { return false }
        // The target may name a host of its own (RFC 9112, 3.2.2): the origin must be both.
        let hosts = [headers["Host"] ?? authority ?? "", authority].compactMap(\.self)
        return !hosts.allSatisfy { Self.origin(origin, names: $0) }
    }

    /// Whether an origin has this host and port. Its scheme may differ: a proxy may have ended TLS.
    ///
    /// A missing port is the default of the origin's scheme.
    static func origin(_ origin: String, names host: String) -> Bool {
        let origin = origin.lowercased()
        for (scheme, port) in [("http://", "80"), ("https://", "443")] where origin.hasPrefix(scheme) {
            let named = hostAndPort(origin.dropFirst(scheme.count), defaultPort: port)
            return named != nil && named == hostAndPort(host.lowercased()[...], defaultPort: port)
        }
        return false
    }

    /// Returns both parts of a `Host` field, or of an origin after its scheme; `nil` if it is neither.
    ///
    /// An IPv6 address keeps its brackets.
    private static func hostAndPort(_ text: Substring, defaultPort: String) -> [Substring]? {
        let end = text.lastIndex(of: "]").map(text.index(after:)) ?? text.firstIndex(of: ":") ?? text.endIndex
        let (host, rest) = (text[..<end], text[end...])
        let port = rest.count > 1 ? rest.dropFirst() : defaultPort[...]
        guard !host.isEmpty, rest.isEmpty || rest.first == ":", port.allSatisfy(\.isNumber),
            !host.contains(where: { "/@?#, ".contains($0) })
        else { return nil }
        return [host, port]
    }
}
