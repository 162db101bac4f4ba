import NIOSSL
import Testing

@testable import HTTPServer

struct TLSNamesTests {
    @Test(arguments: TLSNames.cipherSuites)
    func cipherSuitesCanBeHad(name: String) throws {
        let cipher = TLSNames.cipher(name)
        #expect(TLSNames.support(ofCipherSuite: name) == (cipher == nil ? .alwaysOn : .configurable))
        guard let cipher else {
            return
        }
        var configuration = TLSConfiguration.makeClientConfiguration()
        configuration.cipherSuiteValues = [cipher]
        #expect(configuration.cipherSuites == name)
        #expect(configuration.cipherSuiteValues.contains(cipher))
    }

    @Test(arguments: TLSNames.curves)
    func curvesCanBeHad(name: String) throws {
        var configuration = TLSConfiguration.makeClientConfiguration()
        configuration.curves = [try #require(TLSNames.curve(name))]
        #expect(throws: Never.self) { try NIOSSLContext(configuration: configuration) }
    }

    @Test func otherNamesAreUnknown() {
        #expect(TLSNames.cipherSuites.count == 17 && TLSNames.curves.count == 4)
        #expect(TLSNames.support(ofCipherSuite: "TLS_RSA_WITH_RC4_128_SHA") == .unavailable)
        #expect(TLSNames.cipher("TLS_RSA_WITH_RC4_128_SHA") == nil)
        for name in ["", "TLS_INVENTED", "tls_aes_128_gcm_sha256", "ECDHE-RSA-AES128-GCM-SHA256"] {
            #expect(TLSNames.support(ofCipherSuite: name) == nil && TLSNames.cipher(name) == nil)
        }
        #expect(TLSNames.curve("secp256r1") == nil)
    }
}
