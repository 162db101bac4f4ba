import Basics
import NIOHTTP1

/// The meaning of a request's head for its connection and for the form of the response.
struct RequestTraits: Equatable {
    var isHead = false
    var isHTTP10 = false
    var keepsAlive = false
    var hasBody = false
    var expectsContinue = false

    /// A status to refuse a request with.
    struct Refusal: Error, Equatable {
        let status: Int
    }

    init() {}

    init(_ head: HTTPRequestHead) {
        isHead = head.method == .HEAD
        isHTTP10 = head.version.minor == 0
        keepsAlive = head.isKeepAlive
    }

    /// Judges a head that the parser lets pass: RFC 9112, sections 3.2 and 6, and RFC 9110, section 10.1.1.
    init(checking head: HTTPRequestHead, limits: Limits) throws(Refusal) {
        self.init(head)
        var hosts = 0
        var bodyLength: Int?
        var isChunked = false
        var expectation: String?
        // One walk over the fields, told apart by length first: this is done for every request.
        for (name, value) in head.headers {
            switch name.utf8.count {
            case 4 where name.isField("host"):
                guard Self.isHost(value) else { throw Refusal(status: 400) }
                hosts += 1
            case 6 where name.isField("expect"):
                // Of several, one that is not known counts.
                expectation = expectation.map { $0.isField("100-continue") ? value : $0 } ?? value
            case 7 where name.isField("upgrade"):
                // The parser stops after a request for another protocol, which is never granted here.
                keepsAlive = false
            case 14 where name.isField("content-length"):
                guard let length = Int(value), bodyLength == nil else { throw Refusal(status: 400) }
                bodyLength = length
            case 17 where name.isField("transfer-encoding"):
                guard value.isField("chunked"), !isChunked else { throw Refusal(status: 501) }
                isChunked = true
            default:
                break
            }
        }
        guard hosts == 1 || hosts == 0 && isHTTP10, Self.isTarget(head.uri, of: head.method),
            !isChunked || bodyLength == nil && !isHTTP10
        else { throw Refusal(status: 400) }
        guard (bodyLength ?? 0) <= limits.bodyBytes else { throw Refusal(status: 413) }
        hasBody = isChunked || (bodyLength ?? 0) > 0
        if let expectation, !isHTTP10 {
            guard expectation.isField("100-continue") else { throw Refusal(status: 417) }
            expectsContinue = hasBody
        }
        if head.method == .CONNECT { keepsAlive = false }
    }

    /// Whether the target has the form that belongs to the method (RFC 9112, 3.2).
    private static func isTarget(_ target: String, of method: HTTPMethod) -> Bool {
        // Visible ASCII but `#`: a fragment is never sent.
        guard target.utf8.allSatisfy({ $0 > 0x20 && $0 < 0x7f && $0 != UInt8(ascii: "#") }) else { return false }
        switch method {
        case .CONNECT: return isHost(target)
        case .OPTIONS where target == "*": return true
        default: return target.utf8.first == UInt8(ascii: "/") || Request(target: target).authority?.isEmpty == false
        }
    }

    /// Whether this is a host, perhaps with a port, or empty: the value of a `Host` field (RFC 9110, 7.2).
    static func isHost(_ value: String) -> Bool {
        var value = value
        return value.withUTF8 { bytes in
            var host = bytes[...]
            // A port follows the last colon, in an IPv6 address behind the bracket.
            if let end = bytes.lastIndex(where: { $0.isOne(of: ":]") }), bytes[end] == UInt8(ascii: ":") {
                guard bytes[(end + 1)...].allSatisfy(\.isDigit) else { return false }
                host = bytes[..<end]
            }
            guard host.first == UInt8(ascii: "[") else { return host.allSatisfy(isHostByte) }
            guard host.popLast() == UInt8(ascii: "]") else { return false }
            return host.count > 1 && host.dropFirst().allSatisfy { isHostByte($0) || $0 == UInt8(ascii: ":") }
        }
    }

    /// A byte of a registered name (RFC 3986, 3.2.2).
    private static func isHostByte(_ byte: UInt8) -> Bool {
        byte.isAlphanumeric || byte.isOne(of: "-._~%!$&'()*+,;=")
    }
}

extension String {
    /// Whether this is that lowercase ASCII word, in any case.
    func isField(_ lowercase: StaticString) -> Bool {
        lowercase.withUTF8Buffer { word in
            utf8.count == word.count
                && zip(utf8, word).allSatisfy {
                    (UInt8(ascii: "A")...UInt8(ascii: "Z")).contains($0) ? $0 | 0x20 == $1 : $0 == $1
                }
        }
    }
}
