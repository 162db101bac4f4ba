import AsyncHTTPClient
import Glibc
import NIOCore
import NIOHTTP1
import NIOPosix
import NIOSSL

extension APIError {
    /// A response with another status than 200.
    init(status: Int, body: ErrorBody, isMitigated: Bool) {
        let reason: Reason =
            switch status {
            case 304: .httpError
            case 300...399: .redirect
            case 429: .rateLimited
            case 400...499 where isMitigated || body.isForeign: .blocked
            case 400: .badRequest
            case 401: .unauthorized
            case 403: .forbidden
            case 404: .notFound
            case 500...599: .serverError
            default: .httpError
            }
        let detail =
            reason == .blocked
            ? "something else answered in the API's place, with HTTP status \(status)"
            : "the API answered with HTTP status \(status)"
        let message = body.message.map { ": \($0)" } ?? ""
        self.init(reason, detail + (reason == .redirect ? ", and redirects are not followed" : message))
    }

    /// A response that is not a list of instances.
    init(notAList error: JSONError, body: ErrorBody) {
        let message = body.message.map { ": \($0)" } ?? ""
        let detail =
            switch body.kind {
            case .json where body.message != nil: "an error instead of a list of instances\(message)"
            case .markup: "a web page instead of a list of instances\(message)"
            default: "not a list of instances: \(error)"
            }
        self.init(.decode, "the answer is \(detail)")
    }

    /// A failure of the layers below HTTP, in words of our own: theirs may quote the server.
    init(transport error: any Error) {
        let (reason, detail) = Self.cause(of: error)
        self.init(reason, detail)
    }

    private static let closed = "the connection was closed before the answer was complete"
    private static let late = "the connection was not made in time"

    private static func cause(of error: any Error) -> (Reason, String) {
        switch error {
        case let error as HTTPClientError: cause(of: error)
        case let error as HostNotResolved: (.dns, "the name \(error.host) cannot be resolved: \(error.reason)")
        case let error as TLSFailure: (.tls, error.description)
        case let error as NIOConnectionError:
            error.connectionErrors.first.map { cause(of: $0.error) }
                ?? (.dns, "the name \(error.host) cannot be resolved")
        case let error as IOError: (.connect, "the connection failed: \(String(cString: strerror(error.errnoCode)))")
        case ChannelError.connectTimeout: (.timeout, late)
        case is ChannelError: (.connect, "the connection was lost")
        case NIOSSLError.uncleanShutdown, HTTPParserError.invalidEOFState, HTTPParserError.closedConnection:
            (.connect, closed)
        case is NIOSSLError, is BoringSSLError, is NIOSSLExtraError, is NIOTLSUnwrappingError:
            (.tls, "the TLS connection failed")
        case HTTPParserError.headerOverflow:
            (.decode, "the answer's header fields are too large to be an API's")
        case is HTTPParserError: (.decode, "the answer is not HTTP")
        case is Inflater.Broken: (.decode, "the answer's compression is broken")
        default: (.internal, "the request failed with \(type(of: error))")
        }
    }

    private static func cause(of error: HTTPClientError) -> (Reason, String) {
        switch error {
        case .remoteConnectionClosed, .uncleanShutdown: (.connect, closed)
        case .connectTimeout, .readTimeout, .writeTimeout, .deadlineExceeded, .getConnectionFromPoolTimeout,
            .tlsHandshakeTimeout, .httpProxyHandshakeTimeout, .socksHandshakeTimeout:
            (.timeout, late)
        case .invalidProxyResponse: (.connect, "the proxy did not open a connection to the API")
        case .proxyAuthenticationRequired:
            (.connect, "the proxy asks for a user name and password: put them into the proxy's address")
        default: (.internal, "the request failed: \(error.shortDescription)")
        }
    }
}
