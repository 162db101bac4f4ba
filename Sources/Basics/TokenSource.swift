/// The place an API key comes from.
public enum TokenSource: Sendable, Equatable {
    /// An environment variable's name and the key it held when the program started.
    case environment(name: String, Secret)
    /// A file that is read at every poll, so that a rotated key works.
    case file(path: String)

    /// Returns the current key.
    ///
    /// - Throws: `TokenError` that names the place and the remedy.
    public func read() throws(TokenError) -> Secret {
        switch self {
        case .environment(_, let secret):
            return secret
        case .file(let path):
            let name = Redaction.quote(path)
            let bytes: [UInt8]
            do {
                bytes = try SmallFile.read(path, limit: 64 << 10)
            } catch {
                throw TokenError("the token file \(name) \(error)")
            }
            guard let text = String(validating: bytes, as: UTF8.self) else {
                throw TokenError("the token file \(name) is not text")
            }
            do {
                return try Secret(text)
            } catch {
                throw TokenError("the token file \(name) \(error)")
            }
        }
    }
}
