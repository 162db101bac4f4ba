/// A request. Bodies are read, up to `Limits.bodyBytes`, and thrown away: nothing uses one.
public struct Request: Sendable, Equatable {
    /// The method as sent, such as `GET`. Methods are case-sensitive.
    public let method: String

    /// The path of the target, not decoded and without the query; of an absolute-form target only the path.
    public let path: String

    /// What follows the `?`, not decoded; nil where there is no `?`.
    public let query: String?

    /// The host of an absolute-form target, which counts instead of the `Host` field (RFC 9112, 3.2.2); `nil` otherwise.
    public let authority: String?

    /// The header fields.
    public let headers: Headers

    /// Whom it comes from.
    var client = ClientAddress.unknown

    /// Whether that client still waits for an answer; `nil` if that is not known.
    var presence: ClientPresence?

    /// A request as it would arrive with this target, for instance `/metrics?name=up` or `http://host/metrics`.
    public init(method: String = "GET", target: String, headers: Headers = [:]) {
        self.method = method
        self.headers = headers
        (path, query) = Self.split(target: target)
        authority = target.hasPrefix("/") ? nil : Self.authority(target: target)
    }

    private static func authority(target: String) -> String? {
        afterScheme(target.utf8).map { rest in
            String(Substring(rest.prefix { $0 != UInt8(ascii: "/") && $0 != UInt8(ascii: "?") }))
        }
    }

    /// Path and query of a request target in origin, absolute or asterisk form (RFC 9112, 3.2).
    static func split(target: String) -> (path: String, query: String?) {
        let bytes = target.utf8
        var rest = bytes[...]
        if bytes.first != UInt8(ascii: "/"), let authority = afterScheme(bytes) {
            let end = authority.firstIndex { $0 == UInt8(ascii: "/") || $0 == UInt8(ascii: "?") }
            rest = end.map { authority[$0...] } ?? authority.suffix(0)
        }
        let mark = rest.firstIndex(of: UInt8(ascii: "?"))
        if rest.startIndex == bytes.startIndex, mark == nil {
            return (target, nil)
        }
        let path = String(Substring(rest[..<(mark ?? rest.endIndex)]))
        let query = mark.map { String(Substring(rest[rest.index(after: $0)...])) }
        return (path.isEmpty ? "/" : path, query)
    }

    /// Whether a target has the absolute form, with a host.
    static func isAbsolute(target: String) -> Bool {
        guard let first = afterScheme(target.utf8)?.first else { return false }
        return first != UInt8(ascii: "/") && first != UInt8(ascii: "?")
    }

    /// What follows `http://` or `https://`, in any case.
    private static func afterScheme(_ target: String.UTF8View) -> Substring.UTF8View? {
        for scheme in ["http://", "https://"] where target.count >= scheme.utf8.count {
            if zip(target, scheme.utf8).allSatisfy({ $0 | 0x20 == $1 | 0x20 }) {
                return target.dropFirst(scheme.utf8.count)
            }
        }
        return nil
    }

    /// The query as name and value pairs, percent-decoded, with `+` read as a space.
    ///
    /// A pair without `=` has an empty value; an incomplete percent sequence stands for itself; bytes that are not
    /// UTF-8 are replaced by U+FFFD.
    public func queryItems() -> [(name: String, value: String)] {
        guard let query else { return [] }
        return query.utf8.split(separator: UInt8(ascii: "&")).map { pair in
            guard let equals = pair.firstIndex(of: UInt8(ascii: "=")) else { return (Self.decode(pair), "") }
            return (Self.decode(pair[..<equals]), Self.decode(pair[pair.index(after: equals)...]))
        }
    }

    private static func decode(_ text: Substring.UTF8View) -> String {
        var decoded: [UInt8] = []
        decoded.reserveCapacity(text.count)
        var rest = text
        while let byte = rest.popFirst() {
            if byte == UInt8(ascii: "+") {
                decoded.append(UInt8(ascii: " "))
            } else if byte == UInt8(ascii: "%"), let high = rest.first.flatMap(hexDigit),
                let low = rest.dropFirst().first.flatMap(hexDigit)
            {
                decoded.append(high << 4 | low)
                rest = rest.dropFirst(2)
            } else {
                decoded.append(byte)
            }
        }
        return String(decoding: decoded, as: UTF8.self)
    }

    private static func hexDigit(_ byte: UInt8) -> UInt8? {
        Character(UnicodeScalar(byte)).hexDigitValue.map(UInt8.init)
    }
}
