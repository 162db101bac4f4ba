import NIOCore
import NIOHTTP1

/// The head of a response.
struct ResponseHead {
    let keepsAlive: Bool
    /// Whether the body follows, and not only its length.
    let sendsBody: Bool
    private let status: Int
    /// `nil` for 204 and 304, which have no body.
    private let length: Int?
    private let isHTTP10: Bool
    private let headers: HTTPHeaders

    init(_ response: Response, to request: RequestTraits, keepsAlive: Bool) {
        status = 200...999 ~= response.status ? response.status : 500
        length = status == 204 || status == 304 ? nil : response.body.count
        headers = response.headers.fields
        isHTTP10 = request.isHTTP10
        sendsBody = length != nil && !request.isHead
        self.keepsAlive = keepsAlive && !headers.contains { $0.isField("connection") && $1.isField("close") }
    }

    /// Writes the head with this `Date` value (RFC 9112, section 4).
    func write(to buffer: inout ByteBuffer, date: String) {
        let reason = HTTPResponseStatus(statusCode: status).reasonPhrase
        buffer.writeString("HTTP/1.1 \(status) \(reason)\r\nDate: \(date)\r\n")
        for (name, value) in headers where !name.isServerField {
            buffer.writeField(name: name, value: value)
        }
        if let length { buffer.writeString("Content-Length: \(length)\r\n") }
        if !keepsAlive {
            buffer.writeStaticString("Connection: close\r\n")
        } else if isHTTP10 {
            buffer.writeStaticString("Connection: keep-alive\r\n")
        }
        buffer.writeStaticString("\r\n")
    }
}

extension ByteBuffer {
    /// Writes a field if its name is a token, with a space for each byte that no value may hold (RFC 9110, 5.5, 5.6.2).
    fileprivate mutating func writeField(name: String, value: String) {
        guard !name.isEmpty, name.utf8.allSatisfy(\.isTokenByte) else { return }
        writeString(name)
        writeStaticString(": ")
        // Nearly all values are taken as they are, at a fraction of the time.
        if value.utf8.allSatisfy(\.isFieldByte) {
            writeString(value)
        } else {
            writeBytes(value.utf8.map { $0.isFieldByte ? $0 : UInt8(ascii: " ") })
        }
        writeStaticString("\r\n")
    }
}

extension String {
    /// Whether the server alone writes the field of this name.
    fileprivate var isServerField: Bool {
        isField("date") || isField("connection") || isField("content-length") || isField("transfer-encoding")
    }
}
