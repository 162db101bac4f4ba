import FoundationEssentials

/// The proxy that the environment asks for, as `HTTPS_PROXY`, `HTTP_PROXY` and `NO_PROXY` are commonly read.
///
/// Upper case is read first, then lower case. A loopback host is always reached directly.
public struct ProxySettings: Sendable, Equatable {
    /// A proxy to connect through.
    public struct Proxy: Sendable, Hashable {
        public enum Kind: Sendable, Hashable {
            case http
            case socks5
        }
        public var kind: Kind
        public var host: String
        public var port: Int
        /// User name and password, decoded.
        var user: String?
        var password: String?
    }

    private let https: Proxy?
    private let http: Proxy?
    private let exceptions: [Exception]

    /// No proxy at all.
    public static let none = ProxySettings()

    private init() {
        https = nil
        http = nil
        exceptions = []
    }

    /// Reads the environment.
    ///
    /// - Throws: `ProxyError`, naming the variable, where an address cannot be used.
    public init(environment: [String: String]) throws(ProxyError) {
        https = try Self.proxy("HTTPS_PROXY", in: environment)
        http = try Self.proxy("HTTP_PROXY", in: environment)
        let list = environment["NO_PROXY"] ?? environment["no_proxy"] ?? ""
        exceptions = list.split(separator: ",").compactMap { Exception(String($0)) }
    }

    /// The proxy for an address; nil to connect directly.
    public func proxy(for url: BaseURL) -> Proxy? {
        guard !IPAddress.isLoopback(host: url.host), !exceptions.contains(where: { $0.covers(url) }) else {
            return nil
        }
        return url.scheme == "https" ? https : http
    }

    private static func proxy(_ variable: String, in environment: [String: String]) throws(ProxyError) -> Proxy? {
        let names = [variable, variable.lowercased()]
        guard let name = names.first(where: { !(environment[$0] ?? "").isEmpty }), let text = environment[name] else {
            return nil
        }
        // The value is not quoted in errors: it may hold a password.
        guard let parts = URLComponents(string: text.contains("://") ? text : "http://\(text)"),
            let scheme = parts.scheme?.lowercased(), let host = parts.host?.trimmingBrackets, !host.isEmpty,
            (1...65535).contains(parts.port ?? 80)
        else {
            throw ProxyError("\(name) is not a proxy's address: write it like http://proxy.example:3128")
        }
        switch scheme {
        case "http":
            return Proxy(
                kind: .http, host: host, port: parts.port ?? 80, user: parts.user, password: parts.password)
        case "socks5", "socks5h":
            guard parts.user == nil else {
                throw ProxyError("\(name) holds a user name, which SOCKS proxies cannot be given here")
            }
            return Proxy(kind: .socks5, host: host, port: parts.port ?? 1080)
        default:
            throw ProxyError("\(name) has the scheme \(scheme): only http and socks5 proxies can be used")
        }
    }

    /// One entry of `NO_PROXY`: a domain (with its subdomains), an address, a network, or `*`; the former two may have a port.
    private enum Exception: Equatable {
        case everything
        case network(IPAddress, bits: Int)
        case address(IPAddress, port: Int?)
        case domain(String, port: Int?, onlyBelow: Bool)

        init?(_ text: String) {
            let entry = text.trimmed.lowercased()
            guard !entry.isEmpty else {
                return nil
            }
            if entry == "*" {
                self = .everything
                return
            }
            if let slash = entry.firstIndex(of: "/"), let address = IPAddress(String(entry[..<slash])),
                let bits = Int(entry[entry.index(after: slash)...])
            {
                self = .network(address, bits: bits)
                return
            }
            if let address = IPAddress(entry) {
                self = .address(address, port: nil)
                return
            }
            var name = entry
            var port: Int?
            if let colon = entry.lastIndex(of: ":"), let number = Int(entry[entry.index(after: colon)...]) {
                name = String(entry[..<colon])
                port = number
            }
            name = name.trimmingBrackets
            if let address = IPAddress(name) {
                self = .address(address, port: port)
                return
            }
            if name.hasPrefix("*.") {
                name.removeFirst()
            }
            let onlyBelow = name.hasPrefix(".")
            self = .domain(onlyBelow ? String(name.dropFirst()) : name, port: port, onlyBelow: onlyBelow)
        }

        func covers(_ url: BaseURL) -> Bool {
            switch self {
            case .everything: true
            case .network(let network, let bits):
                IPAddress(url.host).map { $0.matches(network, bits: bits) } ?? false
            case .address(let address, let port):
                IPAddress(url.host) == address && (port ?? url.port) == url.port
            case .domain(let name, let port, let onlyBelow):
                (port ?? url.port) == url.port
                    && (url.host.hasSuffix(".\(name)") || !onlyBelow && url.host == name)
            }
        }
    }
}

extension String {
    fileprivate var trimmed: String {
        var text = Substring(self)
        text = text.drop(while: \.isWhitespace)
        while text.last?.isWhitespace == true {
            text.removeLast()
        }
        return String(text)
    }
}

/// What is wrong with a proxy variable; it never quotes the value, which may hold a password.
public struct ProxyError: Error, Sendable, Equatable, CustomStringConvertible {
    public let description: String

    init(_ description: String) {
        self.description = description
    }
}
