public import Basics
import FoundationEssentials

/// The proxies that `HTTPS_PROXY`, `HTTP_PROXY` and `NO_PROXY` name, as other programs read them.
///
/// Upper case precedes lower case. A loopback host is always reached directly. A variable that is not needed may hold
/// anything: the environment is shared with other programs.
public struct ProxySettings: Sendable, Equatable {
    /// A proxy to connect through.
    public struct Proxy: Sendable, Hashable {
        enum Kind: Hashable { case http, socks5 }

        var kind: Kind
        var host: String
        var port: Int
        /// User name and password, decoded.
        var user: String?
        var password: String?
    }

    private let https: Result<Proxy?, Problem>
    private let http: Result<Proxy?, Problem>
    private let exceptions: [Exception]

    /// The variable that exceptions are read from: `NO_PROXY` or `no_proxy`.
    public let exceptionsVariable: String
    /// Entries of that variable that can never match, quoted for a message.
    public let uselessExceptions: [String]

    /// No proxy at all.
    public static let none = ProxySettings(environment: [:])

    /// Reads the environment.
    public init(environment: [String: String]) {
        https = Self.proxy("HTTPS_PROXY", in: environment)
        http = Self.proxy("HTTP_PROXY", in: environment)
        let (name, list) = Self.value("NO_PROXY", in: environment) ?? ("NO_PROXY", "")
        let entries = list.split { $0 == "," || $0.isWhitespace }.map { (text: String($0), exception: Exception($0)) }
        exceptions = entries.compactMap(\.exception)
        exceptionsVariable = name
        uselessExceptions = entries.filter { $0.exception == nil }.map { Redaction.quote($0.text) }
    }

    /// Returns the proxy for an address; `nil` to connect directly.
    ///
    /// - Throws: `Problem`, naming the variable, if it is needed and cannot be used.
    public func proxy(for url: BaseURL) throws(Problem) -> Proxy? {
        let isDirect = IPAddress.isLoopback(host: url.host) || exceptions.contains { $0.covers(url) }
        return isDirect ? nil : try (url.origin.isEncrypted ? https : http).get()
    }

    /// Returns a variable's name, as it is spelled, and its value; `nil` if it is not set, or empty.
    private static func value(_ variable: String, in environment: [String: String]) -> (name: String, text: String)? {
        [variable, variable.lowercased()].lazy.map { ($0, environment[$0] ?? "") }.first { !$0.1.isEmpty }
    }

    private static func proxy(
        _ variable: String, in environment: [String: String]
    ) -> Result<Proxy?, Problem> {
        guard let (name, text) = value(variable, in: environment) else { return .success(nil) }
        // The value is not quoted in errors: it may hold a password.
        guard let parts = URLComponents(string: text.contains("://") ? text : "http://\(text)"),
            let scheme = parts.scheme?.lowercased(), let host = parts.host?.trimmingBrackets, !host.isEmpty,
            (1...65535).contains(parts.port ?? 80)
        else {
            return .failure(Problem("\(name) is not a proxy's address: write it like http://proxy.example:3128"))
        }
        switch scheme {
        case "http":
            return .success(
                Proxy(kind: .http, host: host, port: parts.port ?? 80, user: parts.user, password: parts.password))
        case "socks5" where parts.user == nil, "socks5h" where parts.user == nil:
            return .success(Proxy(kind: .socks5, host: host, port: parts.port ?? 1080))
        case "socks5", "socks5h":
            return .failure(Problem("\(name) holds a user name, which SOCKS proxies cannot be given here"))
        default:
            return .failure(Problem("\(name) has the scheme \(scheme): only http and socks5 proxies can be used"))
        }
    }

    /// An entry of `NO_PROXY`: a domain (with its subdomains), an address, a network, or `*`. The former two may have
    /// a port.
    private enum Exception: Equatable {
        case network(IPAddress, bits: Int, port: Int?)
        /// Hosts with this end; those that are longer than it alone, or also `name` for `.name`.
        case name(suffix: String, onlyBelow: Bool, port: Int?)

        /// Parses an entry; `nil` if it can never match.
        init?(_ text: Substring) {
            let entry = text.lowercased()
            if entry == "*" {
                self = .name(suffix: "", onlyBelow: false, port: nil)
            } else if let slash = entry.firstIndex(of: "/") {
                self.init(network: entry[..<slash], length: entry[slash...].dropFirst())
            } else if IPAddress(entry.trimmingBrackets) == nil, let colon = entry.lastIndex(of: ":") {
                guard let port = Self.number(entry[colon...].dropFirst(), in: 1...65535) else { return nil }
                self.init(host: entry[..<colon], port: port)
            } else {
                self.init(host: entry[...], port: nil)
            }
        }

        private init?(network text: Substring, length: Substring) {
            guard let address = IPAddress(String(text)), let length = Self.number(length, in: 0...128) else {
                return nil
            }
            let maximum = address.bytes.count * 8
            // The bits of an IPv4-mapped address count from the beginning of the IPv6 one.
            let bits = text.contains(":") ? length - (128 - maximum) : length
            guard (0...maximum).contains(bits) else { return nil }
            self = .network(address, bits: bits, port: nil)
        }

        private init?(host: Substring, port: Int?) {
            if let address = IPAddress(String(host).trimmingBrackets) {
                self = .network(address, bits: address.bytes.count * 8, port: port)
                return
            }
            let name = host.hasPrefix("*.") ? host.dropFirst() : host
            let onlyBelow = name.hasPrefix(".")
            let domain = Self.withoutLastDot(onlyBelow ? name.dropFirst() : name)
            guard !domain.split(separator: ".", omittingEmptySubsequences: false).contains(""),
                Origin.isName(domain), domain.contains(where: \.isLetter)
            else { return nil }
            self = .name(suffix: ".\(domain)", onlyBelow: onlyBelow, port: port)
        }

        func covers(_ url: BaseURL) -> Bool {
            switch self {
            case .network(let network, let bits, let port):
                (port ?? url.port) == url.port && IPAddress(url.host)?.matches(network, bits: bits) == true
            case .name(let suffix, let onlyBelow, let port):
                (port ?? url.port) == url.port
                    && "\(onlyBelow ? "" : ".")\(Self.withoutLastDot(url.host[...]))".hasSuffix(suffix)
            }
        }

        /// Parses digits and nothing else.
        private static func number(_ text: Substring, in range: ClosedRange<Int>) -> Int? {
            guard text.allSatisfy({ $0.isASCII && $0.isNumber }), let number = Int(text) else { return nil }
            return range.contains(number) ? number : nil
        }

        /// Returns a name without the dot of the root at its end.
        private static func withoutLastDot(_ name: Substring) -> Substring {
            name.hasSuffix(".") ? name.dropLast() : name
        }
    }
}
