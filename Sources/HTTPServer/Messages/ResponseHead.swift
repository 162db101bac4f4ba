import NIOCore
import NIOHTTP1

/// The head of a response: how its body is framed, and the bytes of it.
struct ResponseHead {
    enum Framing: Equatable {
        /// No body and no word of one: 204 and 304.
        case none
        case length(Int)
        case chunked
        /// The body ends with the connection: a stream of unknown length to a client of HTTP/1.0.
        case untilClose
    }

    let status: Int
    let framing: Framing
    /// False where only the head is sent.
    let sendsBody: Bool
    let keepsAlive: Bool
    private let isHTTP10: Bool
    private let headers: HTTPHeaders

    init(_ response: Response, to request: RequestTraits, keepsAlive: Bool) {
        status = 200...999 ~= response.status ? response.status : 500
        headers = response.headers.fields
        isHTTP10 = request.isHTTP10
        framing =
            if response.isVerbatim {
                .untilClose
            } else if status == 204 || status == 304 {
                .none
            } else if let count = response.body.count {
                .length(count)
            } else {
                request.isHTTP10 ? .untilClose : .chunked
            }
        sendsBody = response.isVerbatim || framing != .none && !request.isHead
        self.keepsAlive = keepsAlive && framing != .untilClose && !headers.contains { $0.isConnectionClose($1) }
    }

    /// Writes the head with this `Date` value (RFC 9112, section 4).
    func write(to buffer: inout ByteBuffer, date: String) {
        if status == 200 {
            buffer.writeStaticString("HTTP/1.1 200 OK\r\nDate: ")
        } else {
            buffer.writeStaticString("HTTP/1.1 ")
            buffer.writeString(String(status))
            buffer.writeStaticString(" ")
            buffer.writeString(HTTPResponseStatus(statusCode: status).reasonPhrase)
            buffer.writeStaticString("\r\nDate: ")
        }
        buffer.writeString(date)
        buffer.writeStaticString("\r\n")
        for (name, value) in headers where !name.isServerField {
            buffer.writeField(name: name, value: value)
        }
        switch framing {
        case .length(let count):
            buffer.writeStaticString("Content-Length: ")
            buffer.writeString(String(count))
            buffer.writeStaticString("\r\n")
        case .chunked:
            buffer.writeStaticString("Transfer-Encoding: chunked\r\n")
        case .none, .untilClose:
            break
        }
        if !keepsAlive {
            buffer.writeStaticString("Connection: close\r\n")
        } else if isHTTP10 {
            buffer.writeStaticString("Connection: keep-alive\r\n")
        }
        buffer.writeStaticString("\r\n")
    }
}

extension ByteBuffer {
    /// Writes a field if its name is a token; a byte of the value that would end the line or is otherwise forbidden
    /// becomes a space (RFC 9110, 5.5), so that no value can add fields of its own.
    fileprivate mutating func writeField(name: String, value: String) {
        guard !name.isEmpty, name.utf8.allSatisfy(\.isTokenByte) else { return }
        writeString(name)
        writeStaticString(": ")
        writeString(value.cleanFieldValue)
        writeStaticString("\r\n")
    }
}

extension UInt8 {
    /// Whether the byte may stand in a field name (RFC 9110, 5.6.2).
    var isTokenByte: Bool {
        switch self {
        case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
            UInt8(ascii: "0")...UInt8(ascii: "9"):
            true
        case UInt8(ascii: "-"), UInt8(ascii: "_"), UInt8(ascii: "."), UInt8(ascii: "!"), UInt8(ascii: "#"),
            UInt8(ascii: "$"), UInt8(ascii: "%"), UInt8(ascii: "&"), UInt8(ascii: "'"), UInt8(ascii: "*"),
            UInt8(ascii: "+"), UInt8(ascii: "^"), UInt8(ascii: "`"), UInt8(ascii: "|"), UInt8(ascii: "~"):
            true
        default:
            false
        }
    }
}

extension UInt8 {
    /// Whether the byte may stand in a field's value (RFC 9110, 5.5).
    var isFieldByte: Bool { self >= 0x20 && self != 0x7f || self == 0x09 }
}

extension String {
    /// Whether the server alone writes the field of this name.
    fileprivate var isServerField: Bool {
        switch utf8.count {
        case 4: isField("date")
        case 10: isField("connection")
        case 14: isField("content-length")
        case 17: isField("transfer-encoding")
        default: false
        }
    }

    /// The value with a space for each byte that may not stand in a field.
    fileprivate var cleanFieldValue: String {
        utf8.allSatisfy(\.isFieldByte)
            ? self : String(decoding: utf8.lazy.map { $0.isFieldByte ? $0 : 0x20 }, as: UTF8.self)
    }

    fileprivate func isConnectionClose(_ value: String) -> Bool {
        utf8.count == 10 && isField("connection") && value.isField("close")
    }
}
