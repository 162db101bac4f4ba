/// The failure of a poll of the API.
public struct APIError: Error, Sendable, Equatable, CustomStringConvertible {
    /// The kinds of failure that are counted apart. The comment of each is its row in deploy/METRICS.md.
    public enum Reason: String, Sendable, Hashable, CaseIterable {
        /// The API answered 401. The key is wrong, or of a plan without this part of the API.
        case unauthorized
        /// The API answered 403, mostly because the plan is not Enterprise.
        case forbidden
        /// The API answered 404: the base URL is wrong, or the plan is not Enterprise.
        case notFound = "not_found"
        /// Something else answered in the API's place with a status of 400 to 499: a CDN, a firewall, a proxy.
        case blocked
        /// The API answered 400: look at the filters.
        case badRequest = "bad_request"
        /// The API answered 429: find what else uses the key.
        case rateLimited = "rate_limited"
        /// The API answered with a status of 500 to 599.
        case serverError = "server_error"
        /// The API answered with any other status than 200.
        case httpError = "http_error"
        /// The API pointed elsewhere, which is not followed: look at the base URL.
        case redirect
        /// The poll did not end within `--poll.timeout`.
        case timeout
        /// There was no connection, or it was lost.
        case connect
        /// There was no secure connection.
        /// The log says whether the certificate has expired, is not valid yet, has an unknown issuer or another host's
        /// name, or whether the server speaks no TLS.
        case tls
        /// The name of the API, or of the proxy, was not resolved within `--poll.timeout`.
        case dns
        /// The answer exceeds `--poll.max-response-bytes`: raise it, if the account is that large.
        case tooLarge = "too_large"
        /// The answer is not a list of instances.
        case decode
        /// The list has fewer elements than it says, or changed while its pages were read, twice in a row.
        case incomplete
        /// The token file cannot be read, or holds more than a key, such as quotes or `NAME=`.
        case token
        /// A fault of the exporter: please report it, with the log line.
        case `internal`

        /// The first thing for an operator to check; `nil` if there is nothing to say.
        public var hint: String? {
            switch self {
            case .unauthorized:
                "Check the token. Listing instances belongs to Hypersender's Enterprise plan:"
                    + " a key of another plan may be refused."
            case .forbidden, .notFound:
                "Check the base URL, and that the token's plan is Enterprise, which has the list of instances."
            case .blocked:
                "A CDN, a firewall or a proxy seems to refuse this machine's address,"
                    + " or the base URL leads to another site. Check the network, HTTPS_PROXY and the base URL."
            case .badRequest: "Check the filters."
            case .rateLimited:
                "Find what else uses this key: polls and sent messages share one budget. If the list has many pages,"
                    + " raise --poll.interval."
            case .redirect: "Check the base URL."
            case .tls: "Check the base URL and the clock; --hypersender.ca-file names an authority of your own."
            case .dns, .connect: "Check the base URL, the network, and HTTPS_PROXY where one is needed."
            case .tooLarge: "Raise --poll.max-response-bytes if the account really is this large."
            case .timeout: "Raise --poll.timeout if the API is slow."
            case .serverError, .httpError, .decode, .incomplete, .token, .internal: nil
            }
        }

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
