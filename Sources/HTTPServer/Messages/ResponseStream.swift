import NIOCore

/// The bytes on the wire for a streamed body: keeps to the length promised, or cuts into chunks (RFC 9112, 7.1).
struct ResponseStream {
    let framing: ResponseHead.Framing
    private var sent = 0

    init(framing: ResponseHead.Framing) {
        self.framing = framing
    }

    /// What is sent for these bytes of the body.
    mutating func frame(_ bytes: ByteBuffer) throws(BodyWriterError) -> [ByteBuffer] {
        guard bytes.readableBytes > 0 else { return [] }
        switch framing {
        case .length(let length):
            guard bytes.readableBytes <= length - sent else { throw .tooLong }
            sent += bytes.readableBytes
            return [bytes]
        case .chunked:
            let size = String(bytes.readableBytes, radix: 16)
            return [ByteBuffer(string: size + "\r\n"), bytes, ByteBuffer(staticString: "\r\n")]
        case .untilClose, .none:
            return [bytes]
        }
    }

    /// What is sent after the last byte, nil if the body is not whole.
    func end() -> [ByteBuffer]? {
        switch framing {
        case .length(let length): sent == length ? [] : nil
        case .chunked: [ByteBuffer(staticString: "0\r\n\r\n")]
        case .untilClose, .none: []
        }
    }
}
