import Basics

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
