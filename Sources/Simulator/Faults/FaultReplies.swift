import Exposition
import HTTPServer

extension Fault {
    /// The response of the kind `status`.
    var statusResponse: Response {
        var headers: Headers = ["Content-Type": "application/json"]
        if let retryAfter { headers.add("Retry-After", retryAfter) }
        if let rateLimitReset { headers.add("X-RateLimit-Reset", rateLimitReset) }
        if (300...399).contains(status) { headers.add("Location", location ?? Kind.elsewhere) }
        let usual =
            switch status {
            case 400: "Bad request."
            case 401: "Unauthenticated."
            case 403: "This action is unauthorized."
            case 404: "Not found."
            case 422: "The given data was invalid."
            case 423: "Locked."
            case 429: "Too Many Attempts."
            case 500...599: "Server Error"
            default: "Simulated status \(status)."
            }
        return .message(status, message ?? usual, headers: headers)
    }
}

/// Replies that several kinds of faults share, or that are long.
extension Fault.Kind {
    /// An address no name server knows (RFC 6761, section 6.4).
    static let elsewhere = "https://elsewhere.invalid/api/whatsapp/v1/instances?page=2"

    // MARK: Whole answers

    /// Returns 200 with this body and its true length.
    static func body(_ bytes: [UInt8], _ fields: [(String, String)] = []) -> Reply {
        var headers: Headers = ["Content-Type": "application/json"]
        for (name, value) in fields { headers.add(name, value) }
        return .now(Response(status: 200, headers: headers, body: Body(bytes)))
    }

    static func body(_ text: String) -> Reply {
        body(Array(text.utf8))
    }

    /// Returns the list with more elements at its end.
    static func adding(_ elements: [[UInt8]], to list: [UInt8]) -> Reply {
        let comma = UInt8(ascii: ",")
        let added = elements.joined(separator: [comma])
        return body(list.dropLast() + (list.count <= 2 ? [] : [comma]) + added + [UInt8(ascii: "]")])
    }

    /// Returns an element to add to the list; the name is JSON.
    static func element(
        number: Int = 1, name: String = #""Simulated fault""#, status: String = "WORKING"
    ) -> [UInt8] {
        let text = """
            {"id":"00000000-0000-4000-8000-\(String(1_000_000_000_000 + number).dropFirst())","name":\(name),\
            "phone":"+2010\(String(100_000_000 + number).dropFirst())","service_type":"whatsapp",\
            "status":"\(status)","access_token":null,"created_at":"2025-05-26T10:12:45"}
            """
        return Array(text.utf8)
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

    /// Returns a list of blanks in gzip, a thousandth of what it inflates to: only a limit on that size catches it.
    static func bomb(inflatedCount: Int) -> Reply {
        let (blockSize, count) = (1 << 20, max(2, inflatedCount) - 2)
        let compressor = SegmentCompressor(level: 9)
        func blanks(_ count: Int) -> Segment { Segment(Array(repeating: UInt8(ascii: " "), count: count), compressor) }
        let list = SegmentedBody(
            [.gzipHeader, Segment([UInt8(ascii: "[")], compressor), blanks(count % blockSize)]
                + Array(repeating: blanks(blockSize), count: count / blockSize))
        let end = Body(list.trailer.completion(storing: [UInt8(ascii: "]")]))
        return body((Body(list.buffer) + end).bytes, [("Content-Encoding", "gzip")])
    }

    // MARK: Answers of raw bytes

    /// Closes the connection of a raw answer.
    private struct Closing: Error {}

    /// Returns these bytes and the end of the connection; with `hangs` it stays until the client gives up.
    static func raw(_ bytes: [UInt8], hangs: Bool = false) -> Reply {
        .raw { writer in
            try await writer.write(bytes)
            // The server's shutdown cancels the task.
            if hangs { try await Task.sleep(for: .seconds(86_400)) }
            throw Closing()
        }
    }

    static func head(_ fields: String...) -> [UInt8] {
        let lines = ["HTTP/1.1 200 OK", "Content-Type: application/json"] + fields
        return Array((lines.joined(separator: "\r\n") + "\r\n\r\n").utf8)
    }

    static func head(length: Int) -> [UInt8] {
        head("Content-Length: \(length)")
    }

    static func chunk(_ bytes: some Collection<UInt8>) -> [UInt8] {
        Array("\(String(bytes.count, radix: 16))\r\n".utf8) + bytes + Array("\r\n".utf8)
    }

    static func writeEndlessList(after list: [UInt8], to writer: RawWriter) async throws {
        try await writer.write(head("Transfer-Encoding: chunked"))
        let isEmpty = list.count <= 2
        try await writer.write(chunk(isEmpty ? [UInt8(ascii: "[")] + element(number: 0) : Array(list.dropLast())))
        for start in stride(from: 1, to: .max, by: 300) {
            // Some hundreds at once, so that the writing keeps up with a fast reader.
            let elements = (start..<start + 300).flatMap { number in
                [UInt8(ascii: ",")] + element(number: number, name: #""Endless \#(number)""#)
            }
            try await writer.write(chunk(elements))
        }
    }

    @Sendable static func writeEndlessHeaders(to writer: RawWriter) async throws {
        try await writer.write("HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n")
        for start in stride(from: 0, to: .max, by: 300) {
            let lines = (start..<start + 300).map { "X-Endless-\($0): \(String(repeating: "e", count: 80))\r\n" }
            try await writer.write(lines.joined())
        }
    }
}
