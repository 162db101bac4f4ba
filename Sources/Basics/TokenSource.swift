/// The place an API key comes from.
public enum TokenSource: Sendable, Equatable {
    /// An environment variable's name and the key it held when the program started.
    case environment(name: String, Secret)
    /// A file that is read at every poll, so that a rotated key works.
    case file(path: String)

    /// Returns the current key.
    ///
    /// - Throws: `Problem` that names the place and the remedy.
    public func read() throws(Problem) -> Secret {
        let path: String
        switch self {
        case .environment(_, let secret): return secret
        case .file(let file): path = file
        }
        do {
            guard let text = String(validating: try SmallFile.read(path, limit: 64 << 10), as: UTF8.self) else {
                throw Problem("is not text")
            }
            return try Secret(text)
        } catch {
            throw Problem("the token file \(Redaction.quote(path)) \(error)")
        }
    }
}
