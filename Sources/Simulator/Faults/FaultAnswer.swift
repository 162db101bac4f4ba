import HTTPServer

/// The answer to one request for the list.
enum FaultAnswer {
    /// 200 with this body and its true length.
    case body([UInt8], type: String = "application/json")
    case response(Response)
    /// Bytes of its own. Returning ends the answer, throwing closes the connection.
    case raw(@Sendable (RawWriter) async throws -> Void)
}

/// Closes the connection of a raw answer.
private struct Closing: Error {}

extension Fault {
    /// Returns the reply to one request for the list.
    ///
    /// - Parameter list: the sound list as a JSON array.
    func reply(list: [UInt8]) -> Reply {
        switch answer(list: list) {
        case .body(let bytes, let type):
            .now(Response(status: 200, headers: ["Content-Type": type], body: Body(bytes)))
        case .response(let response): .now(response)
        case .raw(let write): .raw(write)
        }
    }

    /// Returns the answer of each kind of fault.
    func answer(list: [UInt8]) -> FaultAnswer {
        let half = list.prefix(list.count / 2)
        switch kind {
        case .status: return .response(statusResponse)
        case .redirect:
            let headers: Headers = ["Location": location ?? Self.elsewhere, "Content-Type": "text/html"]
            return .response(Response(status: 302, headers: headers))
        case .html:
            return .body(
                Array("<!DOCTYPE html>\n<title>Log in</title>\n<p>Please log in.</p>\n".utf8),
                type: "text/html; charset=utf-8")
        case .empty: return .body([])
        case .emptyObject: return .body(Array("{}".utf8))
        case .null: return .body(Array("null".utf8))
        case .queued: return .body(Array(#"{"queued":true}"#.utf8))
        case .emptyList: return .body(Array("[]".utf8))

        case .close: return .raw { _ in throw Closing() }
        case .hang: return .raw { _ in try await Self.hang() }
        case .hangBody:
            return .raw { writer in
                try await writer.write(Self.head(length: list.count) + half)
                try await Self.hang()
            }
        case .reset:
            return .raw { writer in
                try await writer.write(Self.head(length: list.count) + half)
                throw Closing()
            }
        case .drip:
            return .raw { [interval] writer in
                try await writer.write(Self.head(length: list.count))
                for byte in list {
                    try await writer.write([byte])
                    try await Task.sleep(for: interval)
                }
            }
        case .connectionClose:
            let headers: Headers = ["Content-Type": "application/json", "Connection": "close"]
            return .response(Response(status: 200, headers: headers, body: Body(list)))
        case .notHTTP:
            return .raw { writer in
                try await writer.write("SSH-2.0-OpenSSH_9.2\r\n")
                throw Closing()
            }

        case .truncated: return .body(Array(half))
        case .lengthLong, .lengthShort:
            let length = kind == .lengthLong ? list.count + 1000 : list.count / 2
            return .raw { writer in
                try await writer.write(Self.head(length: length) + list)
                throw Closing()
            }
        case .chunked:
            return .raw { writer in
                try await writer.write(Self.head("Transfer-Encoding: chunked"))
                for start in stride(from: 0, to: list.count, by: 1000) {
                    try await writer.write(Self.chunk(list[start..<min(list.count, start + 1000)]))
                }
                try await writer.write("0\r\n\r\n")
            }
        case .endless: return .raw { try await Self.writeEndlessList(after: list, to: $0) }
        case .gzipBomb: return .raw { [bytes] in try await Self.writeBomb(bytes ?? 1 << 30, to: $0) }
        case .largeHeaders: return .response(largeHeaders(list))
        case .endlessHeaders: return .raw(Self.writeEndlessHeaders)

        case .invalidUTF8: return .body(Self.adding(Self.invalidUTF8, to: list))
        case .byteOrderMark: return .body([0xEF, 0xBB, 0xBF] + list)
        case .loneSurrogate: return .body(Self.adding([Self.element(name: #""half \ud83d pair""#)], to: list))
        case .trailingGarbage:
            return .body(list + Array("garbage 999|NotARealTokenButOfItsShape0000000000000000000000000".utf8))
        case .secondDocument: return .body(list + list)
        case .deepNesting:
            let depth = bytes ?? 100_000
            return .body(
                Array(repeating: UInt8(ascii: "["), count: depth) + Array(repeating: UInt8(ascii: "]"), count: depth))

        case .wrongTypes: return .body(Self.wrongTypes)
        case .invalidInstance:
            return .body(Self.adding([Array(#"{"id":null,"name":"Without identity"}"#.utf8)], to: list))
        case .duplicateIDs:
            let twins = [#""First of two""#, #""Second of two""#].map { Self.element(name: $0) }
            return .body(Self.adding(twins, to: list))
        case .hostileNames: return .body(Self.adding(Self.hostileElements(longest: bytes ?? 1 << 20), to: list))
        case .unknownStatus: return .body(Self.adding([Self.element(status: "HIBERNATING")], to: list))
        case .timestamps: return .body(Self.adding(Self.timestampElements, to: list))
        case .foreignNext: return .body(Self.page(list, next: location ?? Self.elsewhere))
        }
    }

    /// An address no name server knows (RFC 6761, section 6.4).
    static let elsewhere = "https://elsewhere.invalid/api/whatsapp/v1/instances?page=2"

    // MARK: Responses

    private var statusResponse: Response {
        var headers: Headers = ["Content-Type": "application/json"]
        if let retryAfter { headers.add("Retry-After", retryAfter) }
        if let rateLimitReset { headers.add("X-RateLimit-Reset", rateLimitReset) }
        if (300...399).contains(status) { headers.add("Location", location ?? Self.elsewhere) }
        return .message(status, message ?? Self.message(status), headers: headers)
    }

    private static func message(_ status: Int) -> String {
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
    }

    private func largeHeaders(_ list: [UInt8]) -> Response {
        var headers: Headers = ["Content-Type": "application/json"]
        // A field of a KiB each, name and separators included.
        for number in 0..<max(1, (bytes ?? 1 << 20) / 1024) {
            headers.add("X-Filler-\(number + 100_000)", String(repeating: "f", count: 1005))
        }
        return Response(status: 200, headers: headers, body: Body(list))
    }

    // MARK: Raw answers

    private static func head(_ fields: String...) -> [UInt8] {
        let lines = ["HTTP/1.1 200 OK", "Content-Type: application/json"] + fields
        return Array((lines.joined(separator: "\r\n") + "\r\n\r\n").utf8)
    }

    private static func head(length: Int) -> [UInt8] {
        head("Content-Length: \(length)")
    }

    private static func chunk(_ bytes: some Collection<UInt8>) -> [UInt8] {
        Array("\(String(bytes.count, radix: 16))\r\n".utf8) + bytes + Array("\r\n".utf8)
    }

    /// Waits until the client gives up or the server shuts down, which cancels the task.
    private static func hang() async throws {
        try await Task.sleep(for: .seconds(86_400))
        throw Closing()
    }

    private static func writeEndlessList(after list: [UInt8], to writer: RawWriter) async throws {
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

    @Sendable private static func writeEndlessHeaders(to writer: RawWriter) async throws {
        try await writer.write("HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n")
        for start in stride(from: 0, to: .max, by: 300) {
            let lines = (start..<start + 300).map { "X-Endless-\($0): \(String(repeating: "e", count: 80))\r\n" }
            try await writer.write(lines.joined())
        }
    }

    private static func writeBomb(_ inflatedCount: Int, to writer: RawWriter) async throws {
        let bomb = GzipBomb(inflatedCount: inflatedCount)
        try await writer.write(head("Content-Encoding: gzip", "Content-Length: \(bomb.count)"))
        try await writer.write(bomb.beginning)
        for _ in 0..<bomb.blockCount {
            try await writer.write(bomb.block)
        }
        try await writer.write(bomb.end)
    }
}
