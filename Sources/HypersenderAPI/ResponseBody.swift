import AsyncHTTPClient
import NIOCore
import NIOHTTP1

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
        let inflater = try inflater()
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
