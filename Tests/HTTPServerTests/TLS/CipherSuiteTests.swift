import NIOSSL
import Testing

@testable import HTTPServer

struct CipherSuiteTests {
    @Test(arguments: CipherSuite.names)
    func everySuiteIsKnownToTheLibrary(name: String) throws {
        #expect(CipherSuite(name)?.name == name)
        var configuration = TLSConfiguration.makeClientConfiguration()
        configuration.cipherSuites = name
        let suites = configuration.cipherSuiteValues.filter { !Self.isOfTLS13($0) }
        #expect(suites.count == 1)
        // Setting values writes their names.
        configuration.cipherSuiteValues = suites
        #expect(configuration.cipherSuites == name)
    }

    private static func isOfTLS13(_ suite: NIOTLSCipher) -> Bool {
        0x1301...0x1303 ~= suite.rawValue
    }

    @Test(arguments: TLSOptions.Curve.allCases)
    func everyCurveIsKnownToTheLibrary(curve: TLSOptions.Curve) throws {
        var options = TLSOptions.server
        options.curves = [curve]
        #expect(throws: Never.self) { try TLSSetup(options) }
    }

    @Test func otherNamesAreUnknown() {
        #expect(CipherSuite.names.count == 14 && CipherSuite.namesOfTLS13.count == 3)
        #expect(TLSOptions.Curve.allCases.count == 4)
        let others = ["", "TLS_INVENTED", "tls_aes_128_gcm_sha256", "ECDHE-RSA-AES128-GCM-SHA256"]
        for name in others + CipherSuite.insecureNames + CipherSuite.namesOfTLS13 {
            #expect(CipherSuite(name) == nil)
        }
        for name in others {
            #expect(!CipherSuite.insecureNames.contains(name) && !CipherSuite.namesOfTLS13.contains(name))
        }
        #expect(TLSOptions.Curve(rawValue: "secp256r1") == nil)
    }
}
