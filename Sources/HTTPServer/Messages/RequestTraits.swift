import NIOHTTP1

/// What a request's head means for its connection and for the form of the response.
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

    /// Judges a head by what the parser lets pass: RFC 9112, sections 3.2 and 6, and RFC 9110, section 10.1.1.
    static func check(_ head: HTTPRequestHead, limits: Limits) -> Result<RequestTraits, Refusal> {
        var traits = RequestTraits(head)
        var hosts = 0
        var bodyLength: Int?
        var isChunked = false
        var expectation: String?
        // One walk over the fields, told apart by length first: this is done for every request.
        for (name, value) in head.headers {
            switch name.utf8.count {
            case 4 where name.isField("host"):
                guard isHost(value) else { return .failure(Refusal(status: 400)) }
                hosts += 1
            case 6 where name.isField("expect"):
                // Of several, one that is not known counts.
                expectation = expectation.map { $0.isField("100-continue") ? value : $0 } ?? value
            case 7 where name.isField("upgrade"):
                // The parser stops after a request for another protocol, which is never granted here.
                traits.keepsAlive = false
            case 14 where name.isField("content-length"):
                guard let length = Int(value), bodyLength == nil else { return .failure(Refusal(status: 400)) }
                bodyLength = length
            case 17 where name.isField("transfer-encoding"):
                guard value.isField("chunked"), !isChunked else { return .failure(Refusal(status: 501)) }
                isChunked = true
            default:
                break
            }
        }
        guard hosts == 1 || hosts == 0 && traits.isHTTP10, isTarget(head.uri, of: head.method) else {
            return .failure(Refusal(status: 400))
        }
        if isChunked, bodyLength != nil || traits.isHTTP10 {
            return .failure(Refusal(status: 400))
        }
        if let bodyLength, bodyLength > limits.bodyBytes {
            return .failure(Refusal(status: 413))
        }
        traits.hasBody = isChunked || (bodyLength ?? 0) > 0
        if let expectation, !traits.isHTTP10 {
            guard expectation.isField("100-continue") else { return .failure(Refusal(status: 417)) }
            traits.expectsContinue = traits.hasBody
        }
        if head.method == .CONNECT {
            traits.keepsAlive = false
        }
        return .success(traits)
    }

    /// Whether the target has the form that belongs to the method (RFC 9112, 3.2).
    private static func isTarget(_ target: String, of method: HTTPMethod) -> Bool {
        guard target.utf8.allSatisfy(isTargetByte) else { return false }
        switch method {
        case .CONNECT: return isHost(target)
        case .OPTIONS where target == "*": return true
        default: return target.utf8.first == UInt8(ascii: "/") || Request.isAbsolute(target: target)
        }
    }

    /// Whether this is a host, perhaps with a port, or empty: the value of a `Host` field (RFC 9110, 7.2).
    static func isHost(_ value: String) -> Bool {
        var value = value
        return value.withUTF8 { bytes in
            var host = bytes[...]
            if bytes.first == UInt8(ascii: "[") {
                guard let end = bytes.firstIndex(of: UInt8(ascii: "]")) else { return false }
                guard end + 1 == bytes.endIndex || bytes[end + 1] == UInt8(ascii: ":") else { return false }
                guard bytes[(end + 1)...].dropFirst().allSatisfy(isDigit) else { return false }
                host = bytes[1..<end]
                return !host.isEmpty && host.allSatisfy { isHostByte($0) || $0 == UInt8(ascii: ":") }
            }
            if let colon = bytes.lastIndex(of: UInt8(ascii: ":")) {
                guard bytes[(colon + 1)...].allSatisfy(isDigit) else { return false }
                host = bytes[..<colon]
            }
            return host.allSatisfy(isHostByte)
        }
    }

    private static func isDigit(_ byte: UInt8) -> Bool {
        (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte)
    }

    /// A byte of a registered name (RFC 3986, 3.2.2).
    private static func isHostByte(_ byte: UInt8) -> Bool {
        switch byte {
        case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
            UInt8(ascii: "0")...UInt8(ascii: "9"),
            UInt8(ascii: "-"), UInt8(ascii: "."), UInt8(ascii: "_"), UInt8(ascii: "~"), UInt8(ascii: "%"),
            UInt8(ascii: "!"), UInt8(ascii: "$"), UInt8(ascii: "&"), UInt8(ascii: "'"), UInt8(ascii: "("),
            UInt8(ascii: ")"), UInt8(ascii: "*"), UInt8(ascii: "+"), UInt8(ascii: ","), UInt8(ascii: ";"),
            UInt8(ascii: "="):
            true
        default:
            false
        }
    }

    /// Visible ASCII but `#`: a fragment is never sent.
    private static func isTargetByte(_ byte: UInt8) -> Bool {
        byte > 0x20 && byte < 0x7f && byte != UInt8(ascii: "#")
    }
}

extension String {
    /// Whether this is that lowercase ASCII word, in any case.
    func isField(_ lowercase: StaticString) -> Bool {
        var text = self
        return text.withUTF8 { own in
            lowercase.withUTF8Buffer { other in
                own.count == other.count
                    && zip(own, other).allSatisfy {
                        (UInt8(ascii: "A")...UInt8(ascii: "Z")).contains($0) ? $0 | 0x20 == $1 : $0 == $1
                    }
            }
        }
    }
}
