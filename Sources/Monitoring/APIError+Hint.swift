public import HypersenderAPI

extension APIError {
    /// The first thing for an operator to check; `nil` if there is nothing to say.
    public var hint: String? {
        switch reason {
        case .unauthorized:
            "Check the token. Listing instances belongs to Hypersender's Enterprise plan:"
                + " a key of another plan may be refused."
        case .forbidden, .notFound:
            "Check the base URL, and that the token's plan includes instance management"
                + " (Hypersender's Enterprise plan)."
        case .blocked:
            "A CDN, a firewall or a proxy seems to refuse this machine's address,"
                + " or the base URL leads to another site. Check the network, HTTPS_PROXY and the base URL."
        case .badRequest: "Check the filters."
        case .rateLimited: "Raise --poll.interval: polls spend the same budget as sent messages."
        case .redirect: "Check the base URL."
        case .tls:
            "Check the base URL and the clock; name an authority of your own, as a proxy's, by --hypersender.ca-file."
        case .dns, .connect: "Check the base URL, the network, and HTTPS_PROXY where one is needed."
        case .tooLarge: "Raise --poll.max-response-bytes if the account really is this large."
        case .timeout: "Raise --poll.timeout if the API is slow."
        case .serverError, .httpError, .decode, .incomplete, .token, .internal: nil
        }
    }
}
