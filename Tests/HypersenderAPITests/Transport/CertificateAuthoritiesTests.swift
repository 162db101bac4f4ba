import NIOSSL
import Testing

@testable import HypersenderAPI

struct CertificateAuthoritiesTests {
    @Test func theEnvironmentReplacesThePlacesOfItsKind() {
        let usual = SystemAuthorities()
        #expect(SystemAuthorities(environment: [:]) == usual)
        #expect(SystemAuthorities(environment: ["SSL_CERT_FILE": "", "SSL_CERT_DIR": ""]) == usual)
        let file = SystemAuthorities(environment: ["SSL_CERT_FILE": "/a.pem"])
        #expect(file.files == ["/a.pem"])
        #expect(file.folders == usual.folders)
        let folders = SystemAuthorities(environment: ["SSL_CERT_DIR": "/a:/b"])
        #expect(folders.files == usual.files)
        #expect(folders.folders == ["/a", "/b"])
    }

    @Test func placesThatCannotBeUsedAreNamed() throws {
        let system = SystemAuthorities(environment: [
            "SSL_CERT_FILE": "/nonexistent.pem", "SSL_CERT_DIR": "/nonexistent",
        ])
        let authorities = try CertificateAuthorities(system: system, file: nil)
        #expect(authorities.isEmpty)
        #expect(authorities.problems.map(\.place) == ["SSL_CERT_FILE", "SSL_CERT_DIR"])
        #expect(try authorities == CertificateAuthorities(system: system, file: nil), "a reload would find others")
        // TLS that trusts nobody can be set up all the same.
        _ = try authorities.makeContext()
    }

    @Test(arguments: [
        (
            "[Error: 268435581 error:1000007d:SSL routines:OPENSSL_internal:CERTIFICATE_VERIFY_FAILED at handshake.cc:393]",
            "CERTIFICATE_VERIFY_FAILED"
        ),
        ("error:100000f7:SSL routines:OPENSSL_internal:WRONG_VERSION_NUMBER", "WRONG_VERSION_NUMBER"),
        ("", "unknown error"),
    ])
    func theCodeOfATLSErrorIsRead(text: String, code: String) {
        #expect(TLSFailure.code(in: text) == code)
    }

    @Test(arguments: [
        (
            "CERTIFICATE_VERIFY_FAILED", 0, 1_600_000_000,
            "the API's certificate has expired: it was valid until 2020-09-13T12:26:40Z"
        ),
        (
            "CERTIFICATE_VERIFY_FAILED", 4_000_000_000, 5_000_000_000,
            "the API's certificate is not valid yet: it will be from 2096-10-02T07:06:40Z"
        ),
        (
            "CERTIFICATE_VERIFY_FAILED", 0, 5_000_000_000,
            "the API's certificate is self-signed, or issued by an authority that is not trusted"
        ),
        ("WRONG_VERSION_NUMBER", 0, 0, "the server does not speak TLS at this port"),
        ("NO_SHARED_CIPHER", 0, 0, "no TLS connection could be made: NO_SHARED_CIPHER"),
    ])
    func failuresOfTheHandshakeHaveTheirMessage(code: String, notBefore: Int, notAfter: Int, text: String) {
        let failure = TLSFailure(code: code, notBefore: notBefore, notAfter: notAfter, now: 2_000_000_000)
        let error = APIError(transport: failure)
        #expect(error.reason == .tls && error.detail == text)
    }

    @Test func otherErrorsAreNoFailureOfTheHandshake() {
        let closed = NIOSSLError.handshakeFailed(.sslError([.eofDuringHandshake]))
        #expect(TLSFailure(closed, certificate: nil, now: 0) == .closed)
        #expect(TLSFailure(NIOSSLExtraError.failedToValidateHostname, certificate: nil, now: 0) == .wrongHost)
        #expect(TLSFailure(NIOSSLError.uncleanShutdown, certificate: nil, now: 0) == nil)
    }
}
