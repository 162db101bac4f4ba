import HTTPServer

/// A body that is meant to end before its length.
private struct CutShort: Error {}

extension Fault {
    /// The answer to one request for the list. Does not return while the client waits, for the fault that never answers.
    ///
    /// - Parameter list: the sound list as a JSON array.
    func response(list: [UInt8]) async -> Response {
        if let body = body(list: list) {
            let type = kind == .html ? "text/html; charset=utf-8" : "application/json"
            return Response(status: 200, headers: ["Content-Type": type], body: Body(body))
        }
        switch kind {
        case .status: return statusResponse()
        case .redirect:
            let location = location ?? Self.elsewhere
            return Response(status: 302, headers: ["Location": location, "Content-Type": "text/html"])
        case .close: return .drop
        case .hang:
            // The task is cancelled when the client gives up or the server shuts down.
            try? await Task.sleep(for: .seconds(86_400))
            return .drop
        case .notHTTP: return .verbatim(Body("SSH-2.0-OpenSSH_9.2\r\n"))
        case .lengthShort: return .verbatim(Self.head(contentLength: list.count / 2) + Body(list))
        case .endlessHeaders: return .verbatim(.stream(length: nil, Self.writeEndlessHeaders))
        default: return Response(status: 200, headers: headers, body: stream(list))
        }
    }

    private static func head(contentLength: Int) -> Body {
        Body("HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: \(contentLength)\r\n\r\n")
    }

    /// The headers where the body is sound or streamed.
    private var headers: Headers {
        var headers: Headers = ["Content-Type": "application/json"]
        switch kind {
        case .connectionClose: headers.add("Connection", "close")
        case .gzipBomb: headers.add("Content-Encoding", "gzip")
        case .largeHeaders:
            // A field of a KiB each, name and separators included.
            for number in 0..<max(1, (bytes ?? 1 << 20) / 1024) {
                headers.add("X-Filler-\(number + 100_000)", String(repeating: "f", count: 1005))
            }
        default: break
        }
        return headers
    }

    private func stream(_ list: [UInt8]) -> Body {
        let half = Array(list.prefix(list.count / 2))
        switch kind {
        case .reset:
            return .stream(length: list.count) { writer in
                try await writer.write(half)
                throw CutShort()
            }
        case .hangBody:
            return .stream(length: list.count) { writer in
                try await writer.write(half)
                try await Task.sleep(for: .seconds(86_400))
            }
        case .drip:
            let interval = interval
            return .stream(length: list.count) { writer in
                for byte in list {
                    try await writer.write([byte])
                    try await Task.sleep(for: interval)
                }
            }
        case .lengthLong:
            return .stream(length: list.count + 1000) { try await $0.write(list) }
        case .chunked:
            return .stream(length: nil) { writer in
                for start in stride(from: 0, to: list.count, by: 1000) {
                    try await writer.write(Array(list[start..<min(list.count, start + 1000)]))
                }
            }
        case .endless: return .stream(length: nil) { try await Self.writeEndlessList(after: list, to: $0) }
        case .gzipBomb: return Self.bomb(inflatedCount: bytes ?? 1 << 30)
        default: return Body(list)
        }
    }

    private static func writeEndlessList(after list: [UInt8], to writer: BodyWriter) async throws {
        let isEmpty = list.count <= 2
        try await writer.write(isEmpty ? [UInt8(ascii: "[")] + endlessElement(0).dropFirst() : Array(list.dropLast()))
        var number = 1
        while !Task.isCancelled {
            // Some hundreds at once, so that the writing keeps up with a fast reader.
            try await writer.write((number..<number + 300).flatMap(endlessElement))
            number += 300
        }
    }

    private static func writeEndlessHeaders(to writer: BodyWriter) async throws {
        try await writer.write("HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n")
        var number = 0
        while !Task.isCancelled {
            let lines = (number..<number + 300).map { "X-Endless-\($0): \(String(repeating: "e", count: 80))\r\n" }
            try await writer.write(lines.joined())
            number += 300
        }
    }

    private static func bomb(inflatedCount: Int) -> Body {
        let bomb = GzipBomb(inflatedCount: inflatedCount)
        return .stream(length: bomb.count) { writer in
            try await writer.write(bomb.head)
            var left = bomb.zeroCount
            while left > 0 {
                let part = min(left, 1 << 16)
                try await writer.write([UInt8](repeating: 0, count: part))
                left -= part
            }
            try await writer.write(bomb.tail)
        }
    }

    private func statusResponse() -> Response {
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
}
