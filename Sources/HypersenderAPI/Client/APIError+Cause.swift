import AsyncHTTPClient
import Glibc
import NIOCore
import NIOHTTP1
import NIOPosix
import NIOSSL

extension APIError {
    /// An answer with another status than 200.
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
        var detail = "the API answered with HTTP status \(status)"
        if reason == .blocked {
            detail = "something else answered in the API's place, with HTTP status \(status)"
        }
        if reason == .redirect {
            detail += ", and redirects are not followed"
        } else if let message = body.message {
            detail += ": \(message)"
        }
        self.init(reason, detail)
    }

    /// An answer that is not a list of instances.
    init(notAList error: JSONError, body: ErrorBody) {
        let message = body.message.map { ": \($0)" } ?? ""
        switch body.kind {
        case .json where body.message != nil:
            self.init(.decode, "the answer is an error in the place of a list of instances\(message)")
        case .markup:
            self.init(.decode, "the answer is a web page in the place of a list of instances\(message)")
        default:
            self.init(.decode, "the answer is not a list of instances: \(error)")
        }
    }

    /// A failure of the layers below HTTP, in words of our own: what they say may quote the server.
    init(transport error: any Error) {
        switch error {
        case let error as HTTPClientError:
            self.init(client: error)
        case let error as HostNotResolved:
            self.init(.dns, "the name \(error.host) cannot be resolved: \(error.reason)")
        case let error as TLSFailure:
            self.init(.tls, error.description)
        case let error as NIOConnectionError:
            if let failure = error.connectionErrors.first {
                self.init(transport: failure.error)
            } else {
                self.init(.dns, "the name \(error.host) cannot be resolved")
            }
        case let error as IOError:
            self.init(.connect, "the connection failed: \(String(cString: strerror(error.errnoCode)))")
        case let error as ChannelError:
            if case .connectTimeout = error {
                self.init(.timeout, "the connection was not made in time")
            } else {
                self.init(.connect, "the connection was lost")
            }
        case let error as NIOSSLError:
            if case .uncleanShutdown = error {
                self.init(.connect, "the connection was closed before the answer was complete")
            } else {
                self.init(.tls, "the TLS connection failed")
            }
        case is BoringSSLError, is NIOSSLExtraError, is NIOTLSUnwrappingError:
            self.init(.tls, "the TLS connection failed")
        case is ResponseGuard.InvalidStatus:
            self.init(.decode, "the answer is not HTTP")
        case let error as HTTPParserError:
            switch error {
            case .headerOverflow:
                self.init(.decode, "the answer's header fields are too large to be an API's")
            case .invalidEOFState, .closedConnection:
                self.init(.connect, "the connection was closed before the answer was complete")
            default:
                self.init(.decode, "the answer is not HTTP")
            }
        case is HTTPClientResponse.UnknownEncoding:
            self.init(.decode, "the answer is compressed in a way that was not asked for")
        case is Inflater.Broken:
            self.init(.decode, "the answer's compression is broken")
        default:
            self.init(.internal, "the request failed with \(type(of: error))")
        }
    }

    private init(client error: HTTPClientError) {
        switch error {
        case .remoteConnectionClosed, .uncleanShutdown:
            self.init(.connect, "the connection was closed before the answer was complete")
        case .connectTimeout, .readTimeout, .writeTimeout, .deadlineExceeded, .getConnectionFromPoolTimeout,
            .tlsHandshakeTimeout, .httpProxyHandshakeTimeout, .socksHandshakeTimeout:
            self.init(.timeout, "the connection was not made in time")
        case .invalidProxyResponse:
            self.init(.connect, "the proxy did not open a connection to the API")
        case .proxyAuthenticationRequired:
            self.init(.connect, "the proxy asks for a user name and password: put them into the proxy's address")
        default:
            self.init(.internal, "the request failed: \(error.shortDescription)")
        }
    }
}
