/// The problem with something that the user gave, as the end of a sentence that names it.
///
/// It never quotes a secret.
public struct Problem: Error, Sendable, Equatable, CustomStringConvertible {
    public let description: String

    /// Creates a problem, such as "is not a whole number".
    public init(_ description: String) {
        self.description = description
    }
}
