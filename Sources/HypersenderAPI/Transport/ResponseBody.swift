import AsyncHTTPClient
import Basics
import NIOCore
import NIOHTTP1
import Synchronization

extension HTTPClientResponse {
    /// Thrown for a body that is larger than allowed.
    struct TooLarge: Error {}

    /// Reads the whole body, inflated if it is compressed.
    ///
    /// It is inflated step by step as there is room, so that what is small on the wire cannot be large in memory.
    ///
    /// - Parameters:
    ///   - limit: The maximum number of bytes, inflated.
    ///   - expected: The number of bytes, inflated, that the last one had; 0 if that says nothing of this one.
    ///   - room: Waits until there is room beyond so many bytes, and returns up to how many.
    /// - Throws: `TooLarge`, `APIError`, `Inflater.Broken`, what `room` throws, or an error of the layers below.
    func bytes(upTo limit: Int, expecting expected: Int, room: (Int) async throws -> Int) async throws -> [UInt8] {
        let inflater = try inflater()
        let length = inflater == nil ? headers.first(name: "content-length").flatMap { Int($0) } : nil
        var bytes = [UInt8](unsafeUninitializedCapacity: max(0, min(length ?? expected, limit))) { memory, _ in
            // Only as much as is expected: a server may announce any length.
            UnsafeMutableRawBufferPointer(memory).prefault(expected)
        }
        var granted = 0
        for try await var part in body {
            var isMore = true
            while isMore {
                // One step may exceed it a little.
                if bytes.count >= granted { granted = try await room(bytes.count) }
                if let inflater {
                    isMore = try inflater.inflate(&part, to: &bytes)
                } else {
                    part.withUnsafeReadableBytes { bytes.append(contentsOf: $0) }
                    isMore = false
                }
                guard bytes.count <= limit else { throw TooLarge() }
            }
        }
        guard inflater?.isComplete ?? true else { throw Inflater.Broken() }
        return bytes
    }

    /// Reads a body that need not be complete.
    ///
    /// - Parameters:
    ///   - limit: The maximum number of bytes to read; a little more may be returned.
    ///   - duration: The time to wait for them.
    /// - Returns: The bytes that arrived, raw if they cannot be inflated, and whether they are the whole body.
    func prefix(upTo limit: Int, within duration: Duration) async -> (bytes: [UInt8], isWhole: Bool) {
        let seen = Mutex<[UInt8]>([])
        let isRead = try? await withDeadline(duration) {
            for try await part in self.body {
                let count = seen.withLock { seen in
                    seen += part.readableBytesView
                    return seen.count
                }
                guard count <= limit else { return false }
            }
            return true
        }
        let raw = seen.withLock { $0 }
        var bytes: [UInt8] = []
        let inflater = try? inflater()
        if let inflater {
            var input = ByteBuffer(bytes: raw)
            while bytes.count < limit, (try? inflater.inflate(&input, to: &bytes)) == true {}
        }
        let isWhole = isRead == true
        return bytes.isEmpty ? (raw, isWhole) : (bytes, isWhole && inflater?.isComplete == true)
    }

    private func inflater() throws -> Inflater? {
        let encodings = headers[canonicalForm: "content-encoding"].map { $0.lowercased() }.filter { $0 != "identity" }
        if encodings.isEmpty { return nil }
        guard encodings.count == 1, ["gzip", "x-gzip", "deflate"].contains(encodings[0]) else {
            throw APIError(.decode, "the answer is compressed in a way that was not asked for")
        }
        return try Inflater()
    }
}
