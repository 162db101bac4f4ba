import Basics
import FoundationEssentials

/// The address below which the API answers, such as `https://app.hypersender.com/api/whatsapp/v1`.
///
/// All requests go to its origin and to no other.
public struct BaseURL: Sendable, Hashable, CustomStringConvertible {
    /// `http` or `https`.
    public let scheme: String
    /// The host in lower case; an IPv6 address without its brackets.
    public let host: String
    public let port: Int
    /// Begins with a slash and does not end with one; may be empty.
    let path: String

    /// Reads an address.
    ///
    /// - Parameter allowHTTP: whether plain HTTP is allowed to another machine, over which the token would travel unencrypted.
    /// - Throws: `BaseURLError`, with what is wrong.
    public init(_ text: String, allowHTTP: Bool = false) throws(BaseURLError) {
        // `URLComponents` would encode them and go on.
        guard !text.unicodeScalars.contains(where: \.properties.isWhitespace) else {
            throw BaseURLError("holds white space: remove it, also before and after the URL")
        }
        guard !text.unicodeScalars.contains(where: { [.control, .format].contains($0.properties.generalCategory) })
        else {
            throw BaseURLError("holds a control character or another invisible one: type the URL anew")
        }
        guard let parts = URLComponents(string: text), let scheme = parts.scheme?.lowercased(),
            let host = parts.host?.lowercased(), !host.isEmpty
        else {
            throw BaseURLError("is not a URL: write it like https://app.hypersender.com/api/whatsapp/v1")
        }
        guard scheme == "https" || scheme == "http" else {
            throw BaseURLError("has the scheme \(scheme): only https can be used")
        }
        guard parts.user == nil, parts.password == nil else {
            throw BaseURLError("holds a user name or password: the API is asked with a token and nothing else")
        }
        guard parts.fragment == nil else {
            throw BaseURLError("holds a fragment: give the part before the #")
        }
        guard parts.query == nil else {
            throw BaseURLError("holds a query: give the part before the ?, and filters by their flags")
        }
        guard (1...65535).contains(parts.port ?? 443) else {
            throw BaseURLError("has a port outside 1 to 65535")
        }
        guard Self.isName(host) || IPAddress(host.trimmingBrackets) != nil else {
            throw BaseURLError("has a host that is neither a name in ASCII nor an address")
        }
        self.scheme = scheme
        self.host = host.trimmingBrackets
        port = parts.port ?? Self.defaultPort(scheme)
        var path = parts.percentEncodedPath
        while path.hasSuffix("/") {
            path.removeLast()
        }
        self.path = path
        guard scheme == "https" || allowHTTP || IPAddress.isLoopback(host: self.host) else {
            throw BaseURLError(
                "would send the token unencrypted: use https, or --hypersender.allow-http if the network in between is safe"
            )
        }
    }

    /// `scheme://host:port`, the port only where it is not the scheme's own.
    var origin: String {
        let name = host.contains(":") ? "[\(host)]" : host
        return port == Self.defaultPort(scheme) ? "\(scheme)://\(name)" : "\(scheme)://\(name):\(port)"
    }

    public var description: String { origin + path }

    /// Returns the address of the list, or of a part of it that further query items name.
    func instances(_ filter: InstanceFilter, _ items: QueryItem...) -> String {
        address(query: (filter.queryItems + items).map(\.encoded))
    }

    /// Returns the address of a further page, from the link that the page before it gave; `nil` if the link leads to another origin or
    /// another path, or cannot be read.
    ///
    /// The result has this address's origin whatever the link says. A link to plain HTTP on the same host is what a framework behind a
    /// TLS proxy writes, and is followed over this address's scheme. Filters are kept, also where the link has lost or changed them.
    func page(link: String, _ filter: InstanceFilter) -> String? {
        let link = link.prefix { $0 != "#" }
        let target = link.prefix { $0 != "?" }
        guard target.isEmpty || isList(target) else {
            return nil
        }
        var filters = filter.queryItems
        let own = Set(filters.map(\.name))
        var query: [String] = []
        for pair in link[target.endIndex...].dropFirst().split(separator: "&") {
            guard let name = QueryItem.name(of: pair), own.contains(name) else {
                query.append(QueryItem.repaired(pair))
                continue
            }
            if let place = filters.firstIndex(where: { $0.name == name }) {
                query.append(filters.remove(at: place).encoded)
            }
        }
        return address(query: query + filters.map(\.encoded))
    }

    /// The path of the list.
    private var listPath: String { path + "/instances" }

    private func address(query: [String]) -> String {
        origin + listPath + (query.isEmpty ? "" : "?" + query.joined(separator: "&"))
    }

    /// Whether a link without its query leads to the list at this address.
    private func isList(_ target: Substring) -> Bool {
        guard let parts = URLComponents(string: String(target)) else {
            return false
        }
        if parts.scheme != nil || parts.host != nil {
            let linkScheme = parts.scheme?.lowercased() ?? scheme
            let linkPort = parts.port ?? Self.defaultPort(linkScheme)
            let isDowngrade = linkScheme == "http" && scheme == "https" && (linkPort == 80 || linkPort == port)
            let linkHost = parts.host.map { $0.lowercased().trimmingBrackets }
            guard linkHost == host, linkScheme == scheme && linkPort == port || isDowngrade else {
                return false
            }
        } else if !target.hasPrefix("/") {
            return "\(path)/\(parts.percentEncodedPath)" == listPath
        }
        return parts.percentEncodedPath == listPath
    }

    /// Whether a host, in lower case, has only the characters of a name.
    static func isName(_ host: some StringProtocol) -> Bool {
        host.utf8.allSatisfy { byte in
            switch byte {
            case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "-"),
                UInt8(ascii: "."), UInt8(ascii: "_"):
                true
            default: false
            }
        }
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

/// What is wrong with a base URL, as the end of a sentence that names it.
public struct BaseURLError: Error, Sendable, Equatable, CustomStringConvertible {
    public let description: String

    init(_ description: String) {
        self.description = description
    }
}
