import HTTPServer

/// A list as it is sent, kept until the account changes.
struct RenderedList: Sendable {
    let body: Body
    /// By what it is recognised where it has not changed (RFC 9110, section 8.8.3); nil where the simulator gives nothing of the kind.
    let entityTag: String?

    init(_ bytes: [UInt8], tagged: Bool) {
        body = Body(bytes)
        entityTag = tagged ? Self.entityTag(of: bytes) : nil
    }

    /// Whether a request with these fields has this very list already (RFC 9110, section 13.1.2).
    func isKnown(to request: Headers) -> Bool {
        guard let entityTag, let condition = request["If-None-Match"] else { return false }
        return condition == "*"
            || condition.split(separator: ",").contains { tag in
                let tag = tag.drop { $0 == " " }
                return (tag.hasPrefix("W/") ? tag.dropFirst(2) : tag) == entityTag
            }
    }

    /// FNV-1a over 64 bits.
    private static func entityTag(of bytes: [UInt8]) -> String {
        let hash = bytes.reduce(0xCBF2_9CE4_8422_2325 as UInt64) { ($0 ^ UInt64($1)) &* 0x100_0000_01B3 }
        return "\"\(String(hash, radix: 16))\""
    }
}
