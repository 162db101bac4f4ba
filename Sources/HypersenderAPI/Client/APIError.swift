/// Why a poll of the API failed.
public struct APIError: Error, Sendable, Equatable, CustomStringConvertible {
    /// The kinds of failure that are counted apart.
    public enum Reason: String, Sendable, Hashable, CaseIterable {
        /// The API answered 401.
        case unauthorized
        /// The API answered 403.
        case forbidden
        /// The API answered 404.
        case notFound = "not_found"
        /// Something else than the API answered with a status from 400 to 499, but not with 429.
        case blocked
        /// The API answered 400.
        case badRequest = "bad_request"
        /// The API answered 429.
        case rateLimited = "rate_limited"
        /// The API answered with a status from 500 to 599.
        case serverError = "server_error"
        /// The API answered with any other status than 200.
        case httpError = "http_error"
        /// The API pointed elsewhere; that is never followed.
        case redirect
        /// The poll did not end in time.
        case timeout
        /// No connection, or it was lost before the answer was complete.
        case connect
        /// No secure connection.
        case tls
        /// The host's name could not be resolved.
        case dns
        /// The answer is larger than allowed.
        case tooLarge = "too_large"
        /// The answer is not a list of instances.
        case decode
        /// The list is not whole, or changed while its pages were read.
        case incomplete
        /// The token cannot be read.
        case token
        /// A fault of the exporter itself.
        case `internal`
    }

    public let reason: Reason
    /// What happened, for a person; free of secrets and of phone numbers.
    public let detail: String
    /// The time at which the API says it may be asked again.
    public private(set) var retry: RetryAdvice?
    /// The rate limit as the answer told it.
    public private(set) var rateLimit: RateLimit

    public init(_ reason: Reason, _ detail: String, retry: RetryAdvice? = nil, rateLimit: RateLimit = RateLimit()) {
        self.reason = reason
        self.detail = detail
        self.retry = retry
        self.rateLimit = rateLimit
    }

    /// Returns the error with what the answer's header fields say of limits.
    func answered(_ facts: ResponseFacts) -> APIError {
        var error = self
        error.retry = facts.retry
        error.rateLimit = facts.rateLimit
        return error
    }

    public var description: String { detail }
}
