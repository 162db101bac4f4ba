/// The failure of a poll of the API.
public struct APIError: Error, Sendable, Equatable, CustomStringConvertible {
    /// The kinds of failure that are counted apart.
    public enum Reason: String, Sendable, Hashable, CaseIterable {
        /// The API answered 401, 403 or 404.
        case unauthorized, forbidden
        case notFound = "not_found"
        /// Something else than the API answered with a status from 400 to 499, but not with 429.
        case blocked
        /// The API answered 400, 429, or with a status from 500 to 599.
        case badRequest = "bad_request"
        case rateLimited = "rate_limited"
        case serverError = "server_error"
        /// The API answered with any other status than 200.
        case httpError = "http_error"
        /// The API pointed elsewhere; that is never followed.
        case redirect
        /// The poll did not end in time.
        case timeout
        /// No connection was made, or it was lost before the response was complete.
        case connect
        /// No secure connection was made.
        case tls
        /// The host's name could not be resolved.
        case dns
        /// The response is larger than allowed.
        case tooLarge = "too_large"
        /// The response is not a list of instances.
        case decode
        /// The list is not whole, or changed while its pages were read.
        case incomplete
        /// The token cannot be read.
        case token
        /// A fault of the exporter itself.
        case `internal`

        /// Whether the API refuses the key itself, or what the key's plan includes.
        public var meansKeyRefused: Bool { [.unauthorized, .forbidden, .notFound].contains(self) }
    }

    /// The kind of failure.
    public let reason: Reason
    /// The cause, for a person; free of secrets and of phone numbers.
    public let detail: String
    /// The time at which the API says it may be asked again.
    public private(set) var retry: RetryAdvice?
    /// The rate limit as the response told it.
    public private(set) var rateLimit: RateLimit
    /// The name that the response gave the request, for whoever looks into it there.
    public internal(set) var requestID: String?

    /// Creates a failure, with the advice that came with it.
    public init(_ reason: Reason, _ detail: String, rateLimit: RateLimit = RateLimit()) {
        (self.reason, self.detail, self.rateLimit) = (reason, detail, rateLimit)
    }

    /// Returns the error with the advice of the response's header fields.
    func adding(_ facts: ResponseFacts) -> APIError {
        var error = self
        (error.retry, error.rateLimit, error.requestID) = (facts.retry, facts.rateLimit, facts.requestID)
        return error
    }

    public var description: String { detail }
}
