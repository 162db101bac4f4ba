/// Where the API key comes from.
public enum TokenSource: Sendable, Equatable {
    /// It was given when the program started; the name is the environment variable's.
    case environment(name: String, Secret)
    /// It is read from a file at every poll, so that a rotated key works.
    case file(path: String)

    /// The key as it is now.
    ///
    /// - Throws: `TokenError`, with the place and what to do about it.
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
