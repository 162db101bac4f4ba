extension Fault {
    /// An element for the faults that add to the list, in place of a sound instance.
    private static func element(
        number: Int = 1, name: String = #""Simulated fault""#, status: String = "WORKING",
        createdAt: String = #""2025-05-26T10:12:45""#
    ) -> [UInt8] {
        let text = """
            {"id":"00000000-0000-4000-8000-\(String(1_000_000_000_000 + number).dropFirst())","name":\(name),\
            "phone":"+2010\(String(100_000_000 + number).dropFirst())","service_type":"whatsapp",\
            "status":"\(status)","access_token":null,"created_at":\(createdAt)}
            """
        return Array(text.utf8)
    }

    /// The body of the answer where the fault lies in the body, or nil where it lies elsewhere.
    ///
    /// - Parameter list: the sound list as a JSON array.
    func body(list: [UInt8]) -> [UInt8]? {
        switch kind {
        case .status, .redirect, .close, .reset, .hang, .hangBody, .drip, .connectionClose, .notHTTP, .lengthLong,
            .lengthShort, .chunked, .endless, .gzipBomb, .largeHeaders, .endlessHeaders:
            nil
        case .html: Array("<!DOCTYPE html>\n<title>Log in</title>\n<p>Please log in.</p>\n".utf8)
        case .empty: []
        case .emptyObject: Array("{}".utf8)
        case .null: Array("null".utf8)
        case .queued: Array(#"{"queued":true}"#.utf8)
        case .emptyList: Array("[]".utf8)
        case .truncated: Array(list.prefix(list.count / 2))
        case .invalidUTF8:
            Self.adding([Self.element(name: #""cut \#u{FFFF}""#).replacingNoncharacter(with: [0xC3, 0x28])], to: list)
        case .byteOrderMark: [0xEF, 0xBB, 0xBF] + list
        case .loneSurrogate: Self.adding([Self.element(name: #""half \ud83d pair""#)], to: list)
        case .trailingGarbage: list + Array("garbage 999|NotARealTokenButOfItsShape0000000000000000000000000".utf8)
        case .secondDocument: list + list
        case .deepNesting: Self.nested(bytes ?? 100_000)
        case .wrongTypes:
            Array(
                """
                [{"id":12,"name":["a"],"phone":{"b":1},"service_type":true,"status":7,"access_token":[],"created_at":0},\
                "WORKING",null,1.5,[]]
                """.utf8)
        case .invalidInstance: Self.adding([Array(#"{"id":null,"name":"Without identity"}"#.utf8)], to: list)
        case .duplicateIDs:
            Self.adding([Self.element(name: #""First of two""#), Self.element(name: #""Second of two""#)], to: list)
        case .hostileNames: Self.adding(Self.hostileElements(longest: bytes ?? 1 << 20), to: list)
        case .unknownStatus: Self.adding([Self.element(status: "HIBERNATING")], to: list)
        case .timestamps: Self.adding(Self.timestampElements, to: list)
        case .foreignNext:
            Array(#"{"data":"#.utf8) + list
                + Array(
                    """
                    ,"links":{"first":null,"last":null,"prev":null,"next":\(JSONText.quoted(location ?? Self.elsewhere))},\
                    "meta":{"current_page":1,"last_page":2}}
                    """.utf8)
        }
    }

    /// A place no name server knows (RFC 6761, section 6.4).
    static let elsewhere = "https://elsewhere.invalid/api/whatsapp/v1/instances?page=2"

    /// A JSON array with more elements at its end.
    private static func adding(_ elements: [[UInt8]], to list: [UInt8]) -> [UInt8] {
        var bytes = Array(list.dropLast())
        for element in elements {
            if bytes.count > 1 { bytes.append(UInt8(ascii: ",")) }
            bytes += element
        }
        return bytes + [UInt8(ascii: "]")]
    }

    private static func nested(_ depth: Int) -> [UInt8] {
        Array(repeating: UInt8(ascii: "["), count: depth) + Array(repeating: UInt8(ascii: "]"), count: depth)
    }

    /// Names as JSON strings, raw UTF-8 among them, for everything that writes a name into a format of its own.
    private static func hostileElements(longest: Int) -> [[UInt8]] {
        let names = [
            #""Quotes \" and 'apostrophes'""#,
            #""Line\nbreak\r\nand \u2028 more""#,
            #""Back\\slash \\n \\""#,
            #""\"} 1\nhypersender_up 1\n""#,
            #""<script>alert(1)</script><img src=x onerror=alert(1)>&amp;""#,
            #""Emoji 👩‍👩‍👧‍👦 🏳️‍🌈 \ud83d\ude80""#,
            #""Right to \#u{202E}left\#u{202C}, zero\#u{200B}width, \u0000 null, \u001b[31m escape""#,
            #""e\u0301 and é, Z\u0351\u036b\u0343\u036a\u0302\u036b""#,
            #""""#,
            #""   ""#,
            "\"\(String(repeating: "x", count: longest))\"",
        ]
        return names.enumerated().map { element(number: 101 + $0.offset, name: $0.element) }
    }

    private static let timestampElements: [[UInt8]] = [
        #""2025-05-26T10:12:45""#, #""2025-01-21 18:41:43""#, #""2020-02-18T07:42:08.000000Z""#,
        #""2025-05-26T10:12:45Z""#, #""2025-05-26T10:12:45.5+02:00""#, #""2025-02-30T10:12:45""#, #""yesterday""#,
        #""""#, "null", "1748254365",
    ].enumerated().map { element(number: 201 + $0.offset, name: #""Spelling \#($0.offset)""#, createdAt: $0.element) }

    /// One more element for the endless list, a comma before it.
    static func endlessElement(_ number: Int) -> [UInt8] {
        [UInt8(ascii: ",")] + element(number: number, name: #""Endless \#(number)""#)
    }
}

extension [UInt8] {
    /// The bytes with U+FFFF, which stands for what a Swift string cannot hold, replaced.
    fileprivate func replacingNoncharacter(with replacement: [UInt8]) -> [UInt8] {
        let standIn = Array("\u{FFFF}".utf8)
        guard let start = indices.first(where: { self[$0...].starts(with: standIn) }) else { return self }
        return self[..<start] + replacement + self[(start + standIn.count)...]
    }
}
