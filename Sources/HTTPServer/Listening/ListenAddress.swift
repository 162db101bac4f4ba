public import Basics

/// An address to listen on, such as `:10058`, `127.0.0.1:0`, `[::1]:9000`, `localhost:80` or `unix:/run/my.sock`.
public struct ListenAddress: Sendable, Hashable, CustomStringConvertible {
    /// The host name or address without brackets; empty for all addresses of the machine, and for a unix socket.
    public let host: String
    /// The port; 0 lets the system choose one, and stands for none if there is a path.
    public let port: Int
    /// The absolute path of a unix socket; `nil` for a TCP address.
    public let path: String?

    /// The longest path that Linux allows, in bytes (`unix(7)`).
    private static let maximumPathLength = 107

    /// Parses an address, or throws the mistake in it.
    public init(_ text: String) throws(Problem) {
        func require(_ condition: Bool, _ reason: String) throws(Problem) {
            guard condition else { throw Problem(reason) }
        }

        if text.hasPrefix("unix:"), !text.dropFirst(5).utf8.allSatisfy(\.isDigit) {
            let path = String(text.dropFirst(5))
            try require(
                path.hasPrefix("/") && !path.hasSuffix("/"),
                "the path must be that of a file and absolute, as in \"unix:/run/exporter.sock\"")
            try require(path.utf8.allSatisfy { $0.isFieldByte && $0 != 0x09 }, "the path contains a control character")
            try require(
                path.utf8.count <= Self.maximumPathLength, "the path is longer than \(Self.maximumPathLength) bytes")
            self.init(path: path)
            return
        }
        guard let colon = text.lastIndex(of: ":"), !text.hasSuffix("]") else {
            throw Problem("the port is missing, as in \"127.0.0.1:10058\"")
        }
        let digits = text[colon...].dropFirst()
        guard digits.utf8.allSatisfy(\.isDigit), let port = UInt16(digits) else {
            throw Problem("the port must be a number from 0 to 65535")
        }
        var host = text[..<colon]
        if host.hasPrefix("[") || host.hasSuffix("]") {
            try require(host.hasPrefix("[") && host.hasSuffix("]"), "the brackets do not match")
            host = host.dropFirst().dropLast()
            try require(
                host.contains(":") && Self.isPlain(host, besides: ":.%-_"),
                "between the brackets must be an IPv6 address, as in \"[::1]:10058\"")
        } else {
            try require(!host.contains(":"), "an IPv6 address needs brackets, as in \"[::1]:10058\"")
            try require(Self.isPlain(host, besides: ".-_"), "this is not a host name or IP address")
        }
        self.init(host: String(host), port: Int(port))
    }

    init(host: String = "", port: Int = 0, path: String? = nil) {
        self.host = host
        self.port = port
        self.path = path
    }

    private static func isPlain(_ host: Substring, besides others: StaticString) -> Bool {
        host.utf8.allSatisfy { $0.isAlphanumeric || $0.isOne(of: others) }
    }

    /// The address as it is written, with brackets around IPv6.
    public var description: String {
        path.map { "unix:\($0)" } ?? (host.contains(":") ? "[\(host)]:\(port)" : "\(host):\(port)")
    }
}
