import HTTPServer

/// A request that is refused, with the response to it.
struct RefusedRequest: Error {
    /// The reason, and what is allowed.
    let message: String
    let response: Response

    init(status: Int = 400, _ message: String, headers: Headers = [:]) {
        self.message = message
        response = .message(status, message, headers: headers)
    }

    /// Sends a client that has not asked for JSON to the login page, as the framework does; 401 for others.
    init(unauthenticated request: Request) {
        message = "Unauthenticated."
        let accepted = request.headers["Accept"]?.split(separator: ",").first?.lowercased() ?? ""
        let isForJSON = accepted.contains("/json") || accepted.contains("+json")
        response =
            isForJSON ? .message(401, message) : .redirect(to: "http://\(request.headers["Host"] ?? "localhost")/login")
    }
}
