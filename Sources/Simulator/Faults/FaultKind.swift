import HTTPServer

extension Fault {
    /// A kind of misbehaviour. To add one, define it below and name it in `allCases`.
    struct Kind: Sendable, Equatable, CaseIterable {
        /// The name on the command line and in the control requests.
        let name: String
        /// Its effect, in one line.
        let summary: String
        /// The parameters it takes, besides `count`.
        let parameters: [Parameter]
        /// Returns the reply to a request for the list; the bytes are the sound list as a JSON array.
        let reply: @Sendable (Fault, [UInt8]) -> Reply

        private init(
            _ name: String, _ summary: String, _ parameters: [Parameter] = [],
            reply: @escaping @Sendable (Fault, [UInt8]) -> Reply
        ) {
            self.name = name
            self.summary = summary
            self.parameters = parameters
            self.reply = reply
        }

        static func == (kind: Kind, other: Kind) -> Bool { kind.name == other.name }

        static let allCases = [
            status, redirect, html, empty, emptyObject, null, queued, emptyList,
            close, reset, hang, drip, connectionClose, notHTTP, hangBody,
            truncated, lengthLong, lengthShort, chunked, endless, gzipBomb, largeHeaders, endlessHeaders,
            invalidUTF8, byteOrderMark, trailingGarbage, secondDocument, deepNesting,
            wrongTypes, invalidInstance, duplicateIDs, hostileNames, unknownStatus, foreignNext,
        ]

        // MARK: Answers that are not the list

        static let status = Kind(
            "status", "answers with `status` and a JSON `message`; `retry-after` and `rate-limit-reset` add headers",
            [.status, .retryAfter, .rateLimitReset, .message]
        ) { fault, _ in .now(fault.statusResponse) }
        static let redirect = Kind("redirect", "answers 302 to `location`, another host", [.location]) { fault, _ in
            .now(.redirect(to: fault.location ?? elsewhere))
        }
        static let html = Kind("html", "answers 200 with a web page") { _, _ in .now(.loginPage) }
        static let empty = Kind("empty", "answers 200 with no body") { _, _ in body("") }
        static let emptyObject = Kind("empty-object", "answers 200 with {}") { _, _ in body("{}") }
        static let null = Kind("null", "answers 200 with null") { _, _ in body("null") }
        static let queued = Kind("queued", #"answers 200 with {"queued":true}"#) { _, _ in body(#"{"queued":true}"#) }
        static let emptyList = Kind(
            "empty-list", "answers 200 with [], which is no fault: an account without instances"
        ) { _, _ in body("[]") }

        // MARK: The connection

        static let close = Kind("close", "closes the connection instead of answering") { _, _ in raw([]) }
        static let reset = Kind("reset", "closes the connection in the middle of the body") { _, list in
            raw(head(length: list.count) + list.prefix(list.count / 2))
        }
        static let hang = Kind("hang", "never answers") { _, _ in raw([], hangs: true) }
        static let hangBody = Kind("hang-body", "sends half the body, then nothing more") { _, list in
            raw(head(length: list.count) + list.prefix(list.count / 2), hangs: true)
        }
        static let drip = Kind(
            "drip", "sends the body byte by byte, one every `interval` seconds", [.interval]
        ) { fault, list in
            .raw { writer in
                try await writer.write(head(length: list.count))
                for byte in list {
                    try await writer.write([byte])
                    try await Task.sleep(for: fault.interval)
                }
            }
        }
        static let connectionClose = Kind(
            "connection-close", "answers well, then closes the connection, which is no fault"
        ) { _, list in body(list, [("Connection", "close")]) }
        static let notHTTP = Kind("not-http", "answers with something that is not HTTP") { _, _ in
            raw(Array("SSH-2.0-OpenSSH_9.2\r\n".utf8))
        }

        // MARK: Lengths

        static let truncated = Kind("truncated", "sends half the list, with a Content-Length to match") { _, list in
            body(Array(list.prefix(list.count / 2)))
        }
        static let lengthLong = Kind(
            "length-long", "announces a longer body than it sends, then closes the connection"
        ) { _, list in raw(head(length: list.count + 1000) + list) }
        static let lengthShort = Kind("length-short", "announces a shorter body than it has") { _, list in
            raw(head(length: list.count / 2) + list)
        }
        static let chunked = Kind(
            "chunked", "sends the list in chunks without a Content-Length, which is no fault"
        ) { _, list in
            .raw { writer in
                try await writer.write(head("Transfer-Encoding: chunked"))
                for start in stride(from: 0, to: list.count, by: 1000) {
                    try await writer.write(chunk(list[start..<min(list.count, start + 1000)]))
                }
                try await writer.write("0\r\n\r\n")
            }
        }
        static let endless = Kind("endless", "sends instances without end") { _, list in
            .raw { try await writeEndlessList(after: list, to: $0) }
        }
        static let gzipBomb = Kind(
            "gzip-bomb", "sends gzip that inflates to a sound, empty list of `bytes` (a GiB by default)", [.bytes]
        ) { fault, _ in bomb(inflatedCount: fault.bytes ?? 1 << 30) }
        static let largeHeaders = Kind(
            "large-headers", "sends `bytes` of headers (a MiB by default) before the list", [.bytes]
        ) { fault, list in
            // A field of a KiB each, name and separators included.
            let fields = (0..<max(1, (fault.bytes ?? 1 << 20) / 1024)).map { number in
                ("X-Filler-\(number + 100_000)", String(repeating: "f", count: 1005))
            }
            return body(list, fields)
        }
        static let endlessHeaders = Kind("endless-headers", "sends headers without end") { _, _ in
            .raw(writeEndlessHeaders)
        }

        // MARK: Documents that are not quite JSON

        static let invalidUTF8 = Kind("invalid-utf8", "adds an instance whose name is not UTF-8") { _, list in
            adding([element(name: #""cut ~""#).flatMap { $0 == UInt8(ascii: "~") ? [0xC3, 0x28] : [$0] }], to: list)
        }
        static let byteOrderMark = Kind("bom", "puts a byte order mark before the list") { _, list in
            body([0xEF, 0xBB, 0xBF] + list)
        }
        static let trailingGarbage = Kind("trailing-garbage", "puts garbage after the list") { _, list in
            body(list + Array("garbage 999|NotARealTokenButOfItsShape0000000000000000000000000".utf8))
        }
        static let secondDocument = Kind("second-document", "sends the list twice in one body") { _, list in
            body(list + list)
        }
        static let deepNesting = Kind(
            "deep-nesting", "answers with nested arrays, `bytes` of them (100,000 by default)", [.bytes]
        ) { fault, _ in
            let depth = fault.bytes ?? 100_000
            return body(String(repeating: "[", count: depth) + String(repeating: "]", count: depth))
        }

        // MARK: Lists with something wrong inside

        static let wrongTypes = Kind(
            "wrong-types", "answers with a list in which every field has the wrong type"
        ) { _, _ in
            body(
                """
                [{"id":12,"name":["a"],"phone":{"b":1},"service_type":true,"status":7,"access_token":[],\
                "created_at":0},"WORKING",null,1.5,[]]
                """)
        }
        static let invalidInstance = Kind(
            "invalid-instance", "adds an instance without id and status to the list"
        ) { _, list in adding([Array(#"{"id":null,"name":"Without identity"}"#.utf8)], to: list) }
        static let duplicateIDs = Kind("duplicate-ids", "adds two instances with the same id") { _, list in
            adding([#""First of two""#, #""Second of two""#].map { element(name: $0) }, to: list)
        }
        static let hostileNames = Kind(
            "hostile-names", "adds names with quotes, newlines, markup, emoji, and one of `bytes` (a MiB by default)",
            [.bytes]
        ) { fault, list in adding(hostileElements(longest: fault.bytes ?? 1 << 20), to: list) }
        static let unknownStatus = Kind(
            "unknown-status", "adds an instance with a status nobody documented"
        ) { _, list in adding([element(status: "HIBERNATING")], to: list) }
        static let foreignNext = Kind(
            "foreign-next", "answers with a page whose next link is `location`, on another origin", [.location]
        ) { fault, list in
            // The list as the first page of two.
            let rest = """
                ,"links":{"first":null,"last":null,"prev":null,"next":\(JSONText.quoted(fault.location ?? elsewhere))},\
                "meta":{"current_page":1,"last_page":2}}
                """
            return body(Array(#"{"data":"#.utf8) + list + Array(rest.utf8))
        }
    }

    /// Every kind with its effect, one a line.
    public static let help = Kind.allCases.map { kind in
        kind.name + String(repeating: " ", count: max(1, 18 - kind.name.count)) + kind.summary
    }.joined(separator: "\n")
}
