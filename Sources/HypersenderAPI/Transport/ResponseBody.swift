import AsyncHTTPClient
import NIOCore
import NIOHTTP1
import Synchronization

extension HTTPClientResponse {
    /// A body that is larger than it may be.
    struct TooLarge: Error {}

    /// A body in a form that was not asked for.
    struct UnknownEncoding: Error {}

    /// Reads the body to its end, inflated where it is compressed.
    ///
    /// It is inflated step by step, no faster than there is room for it, so that what is small on the wire cannot be large in memory.
    ///
    /// - Parameters:
    ///   - limit: how large it may be in bytes, inflated.
    ///   - room: asked for room beyond so many bytes, inflated, and returns up to where there is.
    /// - Throws: `TooLarge`, `UnknownEncoding`, `Inflater.Broken`, what `room` throws, or an error of the layers below.
    func bytes(upTo limit: Int, room: (Int) async throws -> Int) async throws -> [UInt8] {
        try await read(by: inflater(), upTo: limit, room: room, seen: { _ in })
    }

    /// Reads the body to its end.
    ///
    /// - Parameter seen: called with what has been read so far, after each step.
    private func read(
        by inflater: Inflater?, upTo limit: Int, room: (Int) async throws -> Int, seen: ([UInt8]) -> Void
    ) async throws -> [UInt8] {
        var bytes: [UInt8] = []
        if inflater == nil, let length = headers.first(name: "content-length").flatMap({ Int($0) }) {
            bytes.reserveCapacity(max(0, min(length, limit)))
        }
        var granted = 0
        for try await part in body {
            var part = part
            var isMore = true
            while isMore {
                // What one step adds may go a little beyond.
                if bytes.count >= granted {
                    granted = try await room(bytes.count)
                }
                if let inflater {
                    isMore = try inflater.inflate(&part, to: &bytes)
                } else {
                    bytes.append(contentsOf: part.readableBytesView)
                    isMore = false
                }
                seen(bytes)
                guard bytes.count <= limit else {
                    throw TooLarge()
                }
            }
        }
        guard inflater?.isComplete ?? true else {
            throw Inflater.Broken()
        }
        return bytes
    }

    /// Reads a body that is not needed in full.
    ///
    /// - Parameters:
    ///   - limit: how much of it is read in bytes, inflated; a little more may be returned.
    ///   - duration: how long to wait for it.
    /// - Returns: what has come, also if the rest cannot be read, and whether it is the whole body. It is as it came if it cannot be
    ///   inflated.
    func beginning(upTo limit: Int, within duration: Duration) async -> (bytes: [UInt8], isWhole: Bool) {
        let seen = Mutex<[UInt8]>([])
        let whole = try? await withDeadline(duration) {
            try await self.read(by: nil, upTo: limit, room: { _ in .max }) { bytes in seen.withLock { $0 = bytes } }
        }
        let raw = whole ?? seen.withLock { $0 }
        guard let inflater = (try? inflater()) ?? nil else {
            return (raw, whole != nil)
        }
        var input = ByteBuffer(bytes: raw)
        var bytes: [UInt8] = []
        while bytes.count < limit, (try? inflater.inflate(&input, to: &bytes)) == true {}
        // Bytes that cannot be inflated still show that there is something.
        return bytes.isEmpty ? (raw, whole != nil) : (bytes, whole != nil && inflater.isComplete)
    }

    private func inflater() throws -> Inflater? {
        let encodings = headers[canonicalForm: "content-encoding"].map { $0.lowercased() }.filter { $0 != "identity" }
        switch encodings.first {
        case nil: return nil
        case "gzip", "x-gzip", "deflate":
            guard encodings.count == 1 else {
                throw UnknownEncoding()
            }
            return try Inflater()
        default: throw UnknownEncoding()
        }
    }
}
