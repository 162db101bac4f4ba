import NIOHTTP1

/// What a request's head means for its connection and for the form of the response.
struct RequestTraits: Equatable {
    var isHead = false
    var isHTTP10 = false
    var keepsAlive = false
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
                hosts += 1
            case 6 where name.isField("expect"):
                expectation = value
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
        guard hosts == 1 || hosts == 0 && traits.isHTTP10, head.uri.utf8.allSatisfy(isTargetByte) else {
            return .failure(Refusal(status: 400))
        }
        if isChunked, bodyLength != nil || traits.isHTTP10 {
            return .failure(Refusal(status: 400))
        }
        if let bodyLength, bodyLength > limits.bodyBytes {
            return .failure(Refusal(status: 413))
        }
        if let expectation, !traits.isHTTP10 {
            guard expectation.isField("100-continue") else { return .failure(Refusal(status: 417)) }
            traits.expectsContinue = isChunked || (bodyLength ?? 0) > 0
        }
        if head.method == .CONNECT {
            traits.keepsAlive = false
        }
        return .success(traits)
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
