/// Lists with something wrong inside.
extension Fault {
    /// Returns an element to add to the list.
    static func element(
        number: Int = 1, name: String = #""Simulated fault""#, status: String = "WORKING",
        createdAt: String = JSONText.quoted("2025-05-26T10:12:45")
    ) -> [UInt8] {
        let text = """
            {"id":"00000000-0000-4000-8000-\(String(1_000_000_000_000 + number).dropFirst())","name":\(name),\
            "phone":"+2010\(String(100_000_000 + number).dropFirst())","service_type":"whatsapp",\
            "status":"\(status)","access_token":null,"created_at":\(createdAt)}
            """
        return Array(text.utf8)
    }

    /// Returns the JSON array with more elements at its end.
    static func adding(_ elements: [[UInt8]], to list: [UInt8]) -> [UInt8] {
        let isEmpty = list.count <= 2
        let added = elements.joined(separator: [UInt8(ascii: ",")])
        return list.dropLast() + (isEmpty ? [] : [UInt8(ascii: ",")]) + added + [UInt8(ascii: "]")]
    }

    /// Returns the list as the first page of two.
    static func page(_ list: [UInt8], next: String) -> [UInt8] {
        let rest = """
            ,"links":{"first":null,"last":null,"prev":null,"next":\(JSONText.quoted(next))},\
            "meta":{"current_page":1,"last_page":2}}
            """
        return Array(#"{"data":"#.utf8) + list + Array(rest.utf8)
    }

    static let wrongTypes = Array(
        """
        [{"id":12,"name":["a"],"phone":{"b":1},"service_type":true,"status":7,"access_token":[],"created_at":0},\
        "WORKING",null,1.5,[]]
        """.utf8)

    /// An element with a name that no Swift string can hold.
    static var invalidUTF8: [[UInt8]] {
        [element(name: #""cut ~""#).flatMap { $0 == UInt8(ascii: "~") ? [0xC3, 0x28] : [$0] }]
    }

    /// Names as JSON strings, raw UTF-8 among them, for everything that writes a name into a format of its own.
    static func hostileElements(longest: Int) -> [[UInt8]] {
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

    static let timestampElements: [[UInt8]] = [
        #""2025-05-26T10:12:45""#, #""2025-01-21 18:41:43""#, #""2020-02-18T07:42:08.000000Z""#,
        #""2025-05-26T10:12:45Z""#, #""2025-05-26T10:12:45.5+02:00""#, #""2025-02-30T10:12:45""#, #""yesterday""#,
        #""""#, "null", "1748254365",
    ].enumerated().map { element(number: 201 + $0.offset, name: #""Spelling \#($0.offset)""#, createdAt: $0.element) }
}
