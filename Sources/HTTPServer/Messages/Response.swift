import NIOHTTP1

/// The answer to a request.
public struct Response: Sendable {
    /// The status code, 200 to 999. Interim codes are the server's own business: one of them is sent as 500.
    public var status: Int

    /// The header fields. `Date`, `Content-Length`, `Transfer-Encoding` and `Connection` are the server's: it writes
    /// them itself, whatever stands here, but closes the connection after a response with `Connection: close`.
    public var headers: Headers

    /// The body. Not sent for `HEAD`, 204 and 304.
    public var body: Body

    /// Called exactly once, when the response has been handed to the operating system in full or that has become
    /// impossible. Must not block: it runs on an event loop.
    public var onEnd: (@Sendable () -> Void)?

    /// Called at most once, and before `onEnd`, when the client has taken nothing for `Limits.stallNotice`. Must not
    /// block: it runs on an event loop.
    public var onStall: (@Sendable () -> Void)?

    /// Whether the body is all that is sent, without a head.
    var isVerbatim = false

    /// A response with the given parts.
    public init(status: Int, headers: Headers = [:], body: Body = .empty) {
        self.status = status
        self.headers = headers
        self.body = body
    }

    /// Sends these bytes in place of a response, head included, then closes: a simulator plays a broken server with it.
    public static func verbatim(_ bytes: Body) -> Response {
        var response = Response(status: 200, body: bytes)
        response.isVerbatim = true
        return response
    }

    /// The server's own answer to a request it does not understand or take. Says nothing of the request.
    static func refusal(status: Int) -> Response {
        Response(
            status: status, headers: ["Content-Type": "text/plain; charset=utf-8"],
            body: Body("\(status) \(HTTPResponseStatus(statusCode: status).reasonPhrase)\n"))
    }

    /// Closes the connection without sending anything.
    public static let drop = verbatim(.empty)
}

/// How a handler answers.
public enum Reply: Sendable {
    /// At once, on the connection's event loop.
    case now(Response)
    /// From a task of the connection, which is cancelled if the connection ends first.
    case later(@Sendable () async -> Response)
}

/// Returns the refusal of a request that its head alone decides, nil to let it pass.
///
/// Called on the connection's event loop, before the request's body is read: it must not block. A refusal of a request
/// with a body ends the connection.
public typealias Refusal = @Sendable (Request) -> Response?

/// Answers requests. Called on the connection's event loop: it must not block, and takes what is slow into `.later`.
public typealias Handler = @Sendable (Request) -> Reply
