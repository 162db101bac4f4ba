import FoundationEssentials
import Glibc
import NIOCore
import NIOSSL

/// Thrown where no secure connection can be made.
enum TLSFailure: Error, Equatable {
    /// The certificate's validity ended then, in seconds since 1970.
    case expired(Int)
    /// The certificate's validity begins then, in seconds since 1970.
    case notYetValid(Int)
    /// No trusted authority has issued the certificate; it may have issued itself.
    case unknownIssuer
    /// The certificate is made out to other hosts.
    case wrongHost
    /// The server answered in another protocol.
    case noTLS
    /// The server closed the connection instead of completing the handshake.
    case closed
    /// Anything else, in BoringSSL's words.
    case other(String)

    /// Judges what the TLS library reports of a handshake.
    ///
    /// - Parameters:
    ///   - certificate: The server's, if it has shown one.
    ///   - now: In seconds since 1970.
    /// - Returns: `nil` if `error` is not a failure of the handshake.
    init?(_ error: any Error, certificate: NIOSSLCertificate?, now: Int) {
        switch error {
        case let error as NIOSSLExtraError where error == .failedToValidateHostname:
            self = .wrongHost
        case NIOSSLError.unableToValidateCertificate:
            self = .wrongHost
        case NIOSSLError.handshakeFailed(.sslError([.eofDuringHandshake])):
            self = .closed
        case NIOSSLError.handshakeFailed(let error):
            self.init(text: "\(error)", certificate: certificate, now: now)
        default:
            return nil
        }
    }

    private init(text: String, certificate: NIOSSLCertificate?, now: Int) {
        let code = Self.code(in: text)
        switch (code, certificate) {
        case ("CERTIFICATE_VERIFY_FAILED", let certificate?) where certificate.notValidAfter < now:
            self = .expired(certificate.notValidAfter)
        case ("CERTIFICATE_VERIFY_FAILED", let certificate?) where certificate.notValidBefore > now:
            self = .notYetValid(certificate.notValidBefore)
        case ("CERTIFICATE_VERIFY_FAILED", _):
            self = .unknownIssuer
        case ("WRONG_VERSION_NUMBER", _), ("HTTP_REQUEST", _), ("HTTPS_PROXY_REQUEST", _),
            ("INVALID_OUTER_RECORD_TYPE", _), ("ENCRYPTED_LENGTH_TOO_LONG", _):
            self = .noTLS
        default:
            self = .other(code)
        }
    }

    /// The name of an error in BoringSSL's text, such as `error:1000007d:SSL routines:OPENSSL_internal:CERTIFICATE_VERIFY_FAILED at …`.
    static func code(in text: String) -> String {
        let marker = "OPENSSL_internal:"
        guard let start = text.firstRange(of: marker)?.upperBound else {
            return "unknown error"
        }
        return String(text[start...].prefix { $0.isLetter || $0.isNumber || $0 == "_" })
    }
}

extension TLSFailure: CustomStringConvertible {
    /// A sentence without a period.
    var description: String {
        switch self {
        case .expired(let end): "the API's certificate has expired: it was valid until \(Self.date(end))"
        case .notYetValid(let start): "the API's certificate is not valid yet: it will be from \(Self.date(start))"
        case .unknownIssuer: "the API's certificate is self-signed, or issued by an authority that is not trusted"
        case .wrongHost: "the API's certificate is not made out to the host of the base URL"
        case .noTLS: "the server does not speak TLS at this port"
        case .closed: "the server closed the connection during the TLS handshake; it may not speak TLS at this port"
        case .other(let code): "no TLS connection could be made: \(code)"
        }
    }

    private static func date(_ seconds: Int) -> String {
        Date(timeIntervalSince1970: Double(seconds)).formatted(.iso8601)
    }
}

/// Names the reason of a failed handshake while the connection still knows the server's certificate.
final class TLSFailureHandler: ChannelInboundHandler {
    typealias InboundIn = ByteBuffer

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        let tls = try? context.pipeline.syncOperations.handler(type: NIOSSLClientHandler.self)
        context.fireErrorCaught(TLSFailure(error, certificate: tls?.peerCertificate, now: time(nil)) ?? error)
    }
}
