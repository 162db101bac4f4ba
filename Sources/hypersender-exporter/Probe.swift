import AsyncHTTPClient
import Basics
import Glibc
import HTTPServer
import NIOCore
import NIOHTTP1
import NIOPosix
import NIOSSL

/// A request to a server on this machine, to find out whether it serves.
struct Probe {
    /// The address the server listens on.
    let address: ListenAddress

    /// Whether to connect with TLS.
    ///
    /// The certificate is not verified: it bears the name by which others know this machine. Nothing secret is sent.
    let usesTLS: Bool

    /// Sends `GET` for a path.
    ///
    /// - Returns: the response's status; `nil` for a TLS alert: the server lets no client in that shows no certificate.
    /// - Throws: `Problem` if no answer comes within the time.
    func ask(_ path: String, within time: Duration) async throws(Problem) -> Int? {
        var configuration = HTTPClient.Configuration(redirectConfiguration: .disallow)
        configuration.httpVersion = .http1Only
        configuration.connectionPool.retryConnectionEstablishment = false
        var encryption = TLSConfiguration.makeClientConfiguration()
        encryption.certificateVerification = .none
        // The server may allow old versions only.
        encryption.minimumTLSVersion = .tlsv1
        configuration.tlsConfiguration = encryption
        let client = HTTPClient(eventLoopGroup: MultiThreadedEventLoopGroup.singleton, configuration: configuration)
        let answer: Result<Int?, Problem>
        do {
            var request = HTTPClientRequest(url: origin + path)
            request.headers.add(name: "Host", value: "localhost")
            let response = try await client.execute(request, deadline: .now() + TimeAmount(time))
            answer = .success(Int(response.status.code))
        } catch {
            answer = Self.isAlert(error) ? .success(nil) : .failure(Problem(Self.reason(error)))
        }
        try? await client.shutdown()
        return try answer.get()
    }

    /// The beginning of the URL: the loopback if the server listens on all addresses.
    var origin: String {
        let scheme = usesTLS ? "https" : "http"
        if let path = address.path { return "\(scheme)+unix://\(path.percentEncoded)" }
        let host =
            switch address.host {
            case "", "0.0.0.0", "localhost": "127.0.0.1"
            case "::": "[::1]"
            case let host: host.contains(":") ? "[\(host)]" : host
            }
        return "\(scheme)://\(host):\(address.port)"
    }

    /// Whether the other side has ended the connection with a TLS alert, which only a server of TLS does.
    private static func isAlert(_ error: any Error) -> Bool {
        error is NIOSSLError || error is BoringSSLError ? "\(error)".contains("_ALERT_") : false
    }

    /// Returns the reason why a server did not answer.
    private static func reason(_ error: any Error) -> String {
        let cause = (error as? NIOConnectionError)?.connectionErrors.first?.error ?? error
        return switch ((cause as? IOError)?.errnoCode, cause as? HTTPClientError) {
        case (ECONNREFUSED, _): "nothing listens there"
        case (ECONNRESET, _), (_, .remoteConnectionClosed),
            _ where cause as? ChannelError == .ioOnClosedChannel:
            "the connection was closed without an answer"
        case (ENOENT, _): "there is no such socket"
        case (let code?, _): String(cString: strerror(code))
        case (_, .connectTimeout), (_, .deadlineExceeded), (_, .tlsHandshakeTimeout): "no answer in time"
        default: "\(cause)"
        }
    }
}
