import Dispatch
import Glibc

/// The bytes that came back on a connection.
struct RawReply: Sendable {
    let bytes: [UInt8]

    /// Everything before the blank line.
    var head: String {
        String(decoding: bytes[..<bodyStart], as: UTF8.self)
    }

    var body: [UInt8] { Array(bytes[bodyStart...]) }
    var text: String { String(decoding: body, as: UTF8.self) }

    var status: Int? {
        head.hasPrefix("HTTP/1.1 ") ? Int(head.dropFirst(9).prefix(3)) : nil
    }

    func header(_ name: String) -> String? {
        for line in head.split(separator: "\r\n").dropFirst() {
            let parts = line.split(separator: ":", maxSplits: 1)
            if parts.count == 2, parts[0].lowercased() == name.lowercased() {
                return String(parts[1].drop { $0 == " " })
            }
        }
        return nil
    }

    /// Behind the first blank line.
    private var bodyStart: Int {
        var start = 0
        while let end = bytes[start...].firstIndex(of: UInt8(ascii: "\n")) {
            if end - start == 1 { return end + 1 }
            start = end + 1
        }
        return bytes.count
    }
}

/// Sends bytes to a port of this machine and reads what comes back, however wrong it is.
struct RawClient: Sendable {
    struct Failure: Error {
        let call: String
        let code: Int32
    }

    /// Whether the reading may end.
    typealias Enough = @Sendable (RawReply) -> Bool

    let port: Int

    /// - Parameter isEnough: told of all that has come whenever more has; true ends the reading, which otherwise goes on
    ///   to the end of the connection.
    func send(_ request: String, until isEnough: @escaping Enough = { _ in false }) async throws -> RawReply {
        // A queue of its own has a thread of its own: blocking calls would hold up the threads the server needs.
        try await withCheckedThrowingContinuation { continuation in
            DispatchQueue(label: "client").async {
                continuation.resume(with: Result { try exchange(request, until: isEnough) })
            }
        }
    }

    func get(
        _ target: String, _ headers: [String] = [], method: String = "GET",
        until isEnough: @escaping Enough = { _ in false }
    ) async throws -> RawReply {
        let lines = ["\(method) \(target) HTTP/1.1", "Host: 127.0.0.1:\(port)", "Connection: close"] + headers
        return try await send(lines.joined(separator: "\r\n") + "\r\n\r\n", until: isEnough)
    }

    private func exchange(_ request: String, until isEnough: Enough) throws -> RawReply {
        let descriptor = try check("socket", socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0))
        defer { close(descriptor) }
        // A test that would wait for ever fails instead.
        var patience = timeval(tv_sec: 300, tv_usec: 0)
        try check(
            "setsockopt",
            setsockopt(descriptor, SOL_SOCKET, SO_RCVTIMEO, &patience, socklen_t(MemoryLayout<timeval>.size)))
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_port = in_port_t(port).bigEndian
        address.sin_addr.s_addr = UInt32(0x7F00_0001).bigEndian
        let connected = withUnsafePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                connect(descriptor, $0, socklen_t(MemoryLayout<sockaddr_in>.size))
            }
        }
        try check("connect", connected)
        let bytes = Array(request.utf8)
        try check("send", Int32(Glibc.send(descriptor, bytes, bytes.count, Int32(MSG_NOSIGNAL))))

        var received: [UInt8] = []
        var buffer = [UInt8](repeating: 0, count: 1 << 16)
        while !isEnough(RawReply(bytes: received)) {
            let count = recv(descriptor, &buffer, buffer.count, 0)
            // A connection reset is an end as well, and what came before it counts.
            if count == 0 || (count < 0 && errno == ECONNRESET) { break }
            try check("recv", Int32(count))
            received += buffer[..<count]
        }
        return RawReply(bytes: received)
    }

    @discardableResult
    private func check(_ call: String, _ result: Int32) throws -> Int32 {
        guard result >= 0 else { throw Failure(call: call, code: errno) }
        return result
    }
}
