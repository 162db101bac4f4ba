public import Basics
import FoundationEssentials

/// The address below which the API answers, such as `https://app.hypersender.com/api/whatsapp/v1`.
///
/// All requests go to its origin and to no other.
public struct BaseURL: Sendable, Hashable, CustomStringConvertible {
    let origin: Origin
    /// Begins with a slash and does not end with one; may be empty.
    private let path: String

    /// `http` or `https`.
    public var scheme: String { origin.scheme }
    var host: String { origin.host }
    var port: Int { origin.port }

    /// Parses an address.
    ///
    /// - Parameter allowHTTP: Whether plain HTTP is allowed to another machine, where the token travels unencrypted.
    /// - Throws: `Problem`, with the mistake.
    public init(_ text: String, allowHTTP: Bool = false) throws(Problem) {
        // `URLComponents` would encode these and go on.
        guard !text.unicodeScalars.contains(where: \.properties.isWhitespace) else {
            throw Problem("holds white space: remove it, also before and after the URL")
        }
        guard !text.unicodeScalars.contains(where: { [.control, .format].contains($0.properties.generalCategory) })
        else {
            throw Problem("holds a control character or another invisible one: type the URL anew")
        }
        guard let parts = URLComponents(string: text), let scheme = parts.scheme?.lowercased(),
            let host = parts.host?.lowercased().trimmingBrackets, parts.host?.isEmpty == false
        else {
            throw Problem("is not a URL: write it like https://app.hypersender.com/api/whatsapp/v1")
        }
        origin = Origin(scheme: scheme, host: host, port: parts.port ?? Origin.defaultPort(scheme))
        let path = parts.percentEncodedPath
        self.path = path.lastIndex { $0 != "/" }.map { String(path[...$0]) } ?? ""
        if let mistake = Self.mistake(in: parts, origin, allowHTTP: allowHTTP) { throw Problem(mistake) }
    }

    private static func mistake(in parts: URLComponents, _ origin: Origin, allowHTTP: Bool) -> String? {
        if !["https", "http"].contains(origin.scheme) {
            return "has the scheme \(origin.scheme): only https can be used"
        }
        if parts.user != nil || parts.password != nil {
            return "holds a user name or password: the API is asked with a token and nothing else"
        }
        if parts.fragment != nil { return "holds a fragment: give the part before the #" }
        if parts.query != nil { return "holds a query: give the part before the ?, and filters by their flags" }
        if !(1...65535).contains(origin.port) { return "has a port outside 1 to 65535" }
        if !Origin.isName(origin.host), IPAddress(origin.host) == nil {
            return "has a host that is neither a name in ASCII nor an address"
        }
        if !origin.isEncrypted, !allowHTTP, !IPAddress.isLoopback(host: origin.host) {
            return "would send the token unencrypted:"
                + " use https, or --hypersender.allow-http if the network in between is safe"
        }
        return nil
    }

    public var description: String { "\(origin)\(path)" }

    /// Returns the path and query of the list, or of a part of it that further query items name.
    func instances(_ filter: InstanceFilter, _ items: QueryItem...) -> String {
        target(query: (filter.queryItems + items).map(\.encoded))
    }

    /// Returns the path and query of a further page, from the link that the page before it gave.
    ///
    /// A link to plain HTTP on the same host is what a framework behind a TLS proxy writes, and is followed over this
    /// address's scheme. Filters are kept, also if the link has lost or changed them.
    ///
    /// - Returns: `nil` if the link leads to another origin or another path, or cannot be read.
    func page(link: String, _ filter: InstanceFilter) -> String? {
        let link = link.prefix { $0 != "#" }
        let address = link.prefix { $0 != "?" }
        guard address.isEmpty || isList(address) else { return nil }
        var filters = filter.queryItems
        let own = Set(filters.map(\.name))
        var query: [String] = []
        for pair in link[address.endIndex...].dropFirst().split(separator: "&") {
            guard let name = QueryItem.name(of: pair), own.contains(name) else {
                query.append(QueryItem.repaired(pair))
                continue
            }
            if let index = filters.firstIndex(where: { $0.name == name }) {
                query.append(filters.remove(at: index).encoded)
            }
        }
        return target(query: query + filters.map(\.encoded))
    }

    private var listPath: String { path + "/instances" }

    private func target(query: [String]) -> String {
        listPath + (query.isEmpty ? "" : "?" + query.joined(separator: "&"))
    }

    /// Whether a link without its query leads to the list at this address.
    private func isList(_ address: Substring) -> Bool {
        guard let parts = URLComponents(string: String(address)) else { return false }
        if parts.scheme != nil || parts.host != nil {
            let linkScheme = parts.scheme?.lowercased() ?? scheme
            let linkPort = parts.port ?? Origin.defaultPort(linkScheme)
            let isDowngrade = linkScheme == "http" && scheme == "https" && (linkPort == 80 || linkPort == port)
            guard parts.host?.lowercased().trimmingBrackets == host,
                linkScheme == scheme && linkPort == port || isDowngrade
            else { return false }
        } else if !address.hasPrefix("/") {
            return "\(path)/\(parts.percentEncodedPath)" == listPath
        }
        return parts.percentEncodedPath == listPath
    }
}

/// The server that requests are for.
struct Origin: Sendable, Hashable, CustomStringConvertible {
    /// `http` or `https`.
    let scheme: String
    /// The host in lower case; an IPv6 address without its brackets.
    let host: String
    let port: Int

    var isEncrypted: Bool { scheme == "https" }

    /// The host, and the port unless it is the scheme's own, as the `Host` field has them.
    var authority: String {
        let name = Self.bracketed(host)
        return port == Self.defaultPort(scheme) ? name : "\(name):\(port)"
    }

    var description: String { "\(scheme)://\(authority)" }

    /// Returns a host as a URL has it: an IPv6 address in brackets.
    static func bracketed(_ host: String) -> String {
        host.contains(":") ? "[\(host)]" : host
    }

    /// Whether a host, in lower case, has only the characters of a name.
    static func isName(_ host: some StringProtocol) -> Bool {
        host.utf8.allSatisfy { String.isUnreserved($0) && $0 != UInt8(ascii: "~") }
    }

    static func defaultPort(_ scheme: String) -> Int {
        scheme == "https" ? 443 : 80
    }
}

extension String {
    /// An IPv6 address of a URL without its brackets; other hosts as they are.
    var trimmingBrackets: String {
        hasPrefix("[") && hasSuffix("]") ? String(dropFirst().dropLast()) : self
    }
}
