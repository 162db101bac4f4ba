/// An address to listen on, written as Prometheus programs do: `:10058`, `127.0.0.1:0`, `[::1]:9000`, `localhost:80`;
/// or the path of a unix socket: `unix:/run/exporter.sock`.
public struct ListenAddress: Sendable, Hashable, CustomStringConvertible {
    /// The host name or address without brackets; empty for all addresses of the machine, and for a unix socket.
    public let host: String

    /// The port; 0 lets the system choose one, and stands for none where there is a path.
    public let port: Int

    /// The absolute path of a unix socket, nil for a TCP address.
    public let path: String?

    /// The longest path the system takes, in bytes.
    private static let longestPath = 107

    /// Reads an address. Throws `ListenAddressError`, whose text names the value and what is wrong with it.
    public init(_ text: String) throws(ListenAddressError) {
        if text.hasPrefix("unix:"), !text.dropFirst(5).utf8.allSatisfy(Self.isDigit) {
            self.init(path: try Self.path(text))
            return
        }
        guard let colon = text.lastIndex(of: ":"), !text.hasSuffix("]") else {
            throw ListenAddressError(text, "the port is missing, as in \"127.0.0.1:10058\"")
        }
        let portText = text[text.index(after: colon)...]
        guard portText.utf8.allSatisfy(Self.isDigit), let port = UInt16(portText) else {
            throw ListenAddressError(text, "the port must be a number from 0 to 65535")
        }
        var host = text[..<colon]
        if host.hasPrefix("[") || host.hasSuffix("]") {
            guard host.hasPrefix("["), host.hasSuffix("]") else {
                throw ListenAddressError(text, "the brackets do not match")
            }
            host = host.dropFirst().dropLast()
            guard host.contains(":"), Self.isPlain(host, besides: ":.%-_") else {
                throw ListenAddressError(text, "between the brackets must be an IPv6 address, as in \"[::1]:10058\"")
            }
        } else if host.contains(":") {
            throw ListenAddressError(text, "an IPv6 address needs brackets, as in \"[::1]:10058\"")
        } else if !Self.isPlain(host, besides: ".-_") {
            throw ListenAddressError(text, "this is not a host name or IP address")
        }
        self.init(host: String(host), port: Int(port))
    }

    init(host: String, port: Int) {
        self.host = host
        self.port = port
        path = nil
    }

    init(path: String) {
        host = ""
        port = 0
        self.path = path
    }

    private static func path(_ text: String) throws(ListenAddressError) -> String {
        let path = String(text.dropFirst(5))
        guard path.hasPrefix("/"), !path.hasSuffix("/") else {
            throw ListenAddressError(
                text, "the path must be that of a file and absolute, as in \"unix:/run/exporter.sock\"")
        }
        guard path.utf8.allSatisfy({ $0 >= 0x20 && $0 != 0x7f }) else {
            throw ListenAddressError(text, "the path contains a control character")
        }
        guard path.utf8.count <= longestPath else {
            throw ListenAddressError(text, "the path is longer than \(longestPath) bytes")
        }
        return path
    }

    private static func isDigit(_ byte: UInt8) -> Bool {
        (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte)
    }

    private static func isPlain(_ host: Substring, besides others: String) -> Bool {
        host.unicodeScalars.allSatisfy {
            $0.isASCII && ($0.properties.isAlphabetic || $0.properties.numericType != nil)
                || others.unicodeScalars.contains($0)
        }
    }

    /// The address as it is written, with brackets around IPv6.
    public var description: String {
        if let path {
            return "unix:\(path)"
        }
        return host.contains(":") ? "[\(host)]:\(port)" : "\(host):\(port)"
    }
}

/// A listen address that cannot be read.
public struct ListenAddressError: Error, Equatable, CustomStringConvertible {
    /// The text as given.
    public let value: String

    /// What is wrong with it, in words.
    public let reason: String

    init(_ value: String, _ reason: String) {
        self.value = value
        self.reason = reason
    }

    /// The value and what is wrong with it.
    public var description: String {
        "listen address \"\(value)\": \(reason)"
    }
}
