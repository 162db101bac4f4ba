import Basics
import NIOSSL

/// The reason why no secure connection could be made.
struct TLSFailure: Error, Equatable, CustomStringConvertible {
    /// A sentence without a period.
    let description: String

    private init(_ description: String) {
        self.description = description
    }

    static let wrongHost = TLSFailure("the API's certificate is not made out to the host of the base URL")
    static let closed = TLSFailure(
        "the server closed the connection during the TLS handshake; it may not speak TLS at this port")

    /// Explains an error that the TLS library reports of a handshake; `nil` if it is another error.
    ///
    /// - Parameters:
    ///   - certificate: The server's, if it has shown one.
    ///   - now: In seconds since 1970.
    init?(_ error: any Error, certificate: NIOSSLCertificate?, now: Int) {
        switch error {
        case let error as NIOSSLExtraError where error == .failedToValidateHostname: self = .wrongHost
        case NIOSSLError.unableToValidateCertificate: self = .wrongHost
        case NIOSSLError.handshakeFailed(.sslError([.eofDuringHandshake])): self = .closed
        case NIOSSLError.handshakeFailed(let error):
            self.init(
                code: Self.code(in: "\(error)"), notBefore: certificate?.notValidBefore ?? now,
                notAfter: certificate?.notValidAfter ?? now, now: now)
        default: return nil
        }
    }

    /// Explains BoringSSL's code for a failure; the times, in seconds since 1970, are those of the server's
    /// certificate.
    init(code: String, notBefore: Int, notAfter: Int, now: Int) {
        switch code {
        case "CERTIFICATE_VERIFY_FAILED" where notAfter < now:
            self.init("the API's certificate has expired: it was valid until \(UTCTime(Double(notAfter)).rfc3339)")
        case "CERTIFICATE_VERIFY_FAILED" where notBefore > now:
            self.init("the API's certificate is not valid yet: it will be from \(UTCTime(Double(notBefore)).rfc3339)")
        case "CERTIFICATE_VERIFY_FAILED":
            self.init("the API's certificate is self-signed, or issued by an authority that is not trusted")
        case "WRONG_VERSION_NUMBER", "HTTP_REQUEST", "HTTPS_PROXY_REQUEST", "INVALID_OUTER_RECORD_TYPE",
            "ENCRYPTED_LENGTH_TOO_LONG":
            self.init("the server does not speak TLS at this port")
        default: self.init("no TLS connection could be made: \(code)")
        }
    }

    /// Returns the code in BoringSSL's text, such as `…:SSL routines:OPENSSL_internal:CERTIFICATE_VERIFY_FAILED at …`.
    static func code(in text: String) -> String {
        guard let marker = text.firstRange(of: "OPENSSL_internal:") else { return "unknown error" }
        return String(text[marker.upperBound...].prefix { $0.isLetter || $0.isNumber || $0 == "_" })
    }
}
