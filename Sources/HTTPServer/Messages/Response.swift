import NIOHTTP1

/// The response to a request.
public struct Response: Sendable {
    /// The status code, 200 to 999. Any other is sent as 500: interim responses are up to the server.
    public var status: Int
    /// The header fields.
    ///
    /// `Date`, `Content-Length`, `Transfer-Encoding` and `Connection` are written by the server, whatever stands here,
    /// but it closes the connection after a response with `Connection: close`.
    public var headers: Headers
    /// The body. Not sent for `HEAD`, 204 and 304.
    public var body: Body
    /// Called once, on an event loop, when the response has been handed to the system or can no longer be.
    public var onEnd: (@Sendable () -> Void)?
    /// Called at most once, on an event loop, before `onEnd`: the client has taken nothing for `Limits.stallNotice`.
    public var onStall: (@Sendable () -> Void)?

    /// A response with the given parts.
    public init(status: Int, headers: Headers = [:], body: Body = .empty) {
        self.status = status
        self.headers = headers
        self.body = body
    }

    /// Returns a text that browsers take for nothing else.
    public static func plain(_ status: Int, _ text: String, headers: Headers = [:]) -> Response {
        var headers = headers
        headers.add("Content-Type", "text/plain; charset=utf-8")
        headers.add("X-Content-Type-Options", "nosniff")
        return Response(status: status, headers: headers, body: Body(text))
    }

    /// The server's own answer to a request it does not understand or take. Tells nothing about the request.
    static func refusal(status: Int) -> Response {
        plain(status, "\(status) \(HTTPResponseStatus(statusCode: status).reasonPhrase)\n")
    }
}
