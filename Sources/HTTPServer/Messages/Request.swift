/// A request. Its body is read, up to `Limits.bodyBytes`, and discarded: nothing uses one.
public struct Request: Sendable, Equatable {
    /// The method as sent, such as `GET`. Methods are case-sensitive.
    public let method: String
    /// The path of the target, not decoded and without the query; of an absolute-form target only the path.
    public let path: String
    /// The part of the target after the `?`, not decoded; `nil` if there is no `?`.
    public let query: String?
    /// The host of an absolute-form target, which replaces the `Host` field (RFC 9112, 3.2.2); `nil` otherwise.
    public let authority: String?
    /// The header fields.
    public let headers: Headers
    /// Whether the request has a body that has not been read yet.
    public var awaitsBody = false

    /// A request for a target in origin, absolute or asterisk form (RFC 9112, 3.2), such as `/metrics?name=up`.
    public init(method: String = "GET", target: String, headers: Headers = [:]) {
        self.method = method
        self.headers = headers
        var rest = target.utf8[...]
        if rest.first != UInt8(ascii: "/"), let afterScheme = Self.afterScheme(target) {
            let end = afterScheme.firstIndex { $0.isOne(of: "/?") } ?? afterScheme.endIndex
            authority = String(Substring(afterScheme[..<end]))
            rest = afterScheme[end...]
        } else {
            authority = nil
        }
        if let mark = rest.firstIndex(of: UInt8(ascii: "?")) {
            query = String(Substring(rest[rest.index(after: mark)...]))
            rest = rest[..<mark]
        } else {
            query = nil
        }
        path = rest.isEmpty ? "/" : String(Substring(rest))
    }

    /// Returns the rest after `http://` or `https://`, in any case, or `nil` for another target.
    private static func afterScheme(_ target: String) -> Substring.UTF8View? {
        for scheme in ["http://", "https://"] where target.prefix(scheme.utf8.count).lowercased() == scheme {
            return target.utf8.dropFirst(scheme.utf8.count)
        }
        return nil
    }

    /// The query as name and value pairs, percent-decoded, with `+` read as a space.
    ///
    /// Without `=` the value is empty. An incomplete percent sequence stands for itself; what is not UTF-8 is U+FFFD.
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
