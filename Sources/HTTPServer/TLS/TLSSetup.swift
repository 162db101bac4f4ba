import NIOCore
import NIOSSL

/// What new connections with TLS are served with: options whose certificates have been loaded.
struct TLSSetup: Sendable {
    let rules: TLSRules
    let clientNames: ClientNames
    private let configuration: TLSConfiguration
    private var context: NIOSSLContext
    /// Whether clients are asked for certificates.
    let asksForCertificate: Bool
    /// Whether clients' certificates are taken as they come, without a CA.
    private let acceptsAnyCertificate: Bool

    /// Loads certificate, key and client CA. Blocks on files.
    init(_ options: TLSOptions) throws(WebSecurityError) {
        clientNames = ClientNames(options.allowedClientNames)
        acceptsAnyCertificate = options.clientAuth == .request || options.clientAuth == .requireAny
        asksForCertificate = options.clientAuth != .none
        let clientCA = try options.clientCA.map { (pem) throws(WebSecurityError) in
            try Self.certificates(in: pem, for: .clientCA)
        }
        rules = TLSRules(options, clientCA: clientCA ?? [])
        configuration = try Self.configuration(options, clientCA: clientCA)
        context = try Self.context(configuration, options.certificate, options.key)
    }

    /// The same setup for one connection only, so that it resumes no session of another.
    ///
    /// A resumed session does not verify the client's certificate again, which may have expired. NIOSSL cannot
    /// be told not to resume, but the keys of sessions are those of a context. Blocks on files.
    func forOneConnection() throws -> TLSSetup {
        var setup = self
        setup.context = try NIOSSLContext(configuration: configuration)
        return setup
    }

    static func context(
        _ configuration: TLSConfiguration, _ certificate: TLSOptions.PEM, _ key: TLSOptions.PEM
    ) throws(WebSecurityError) -> NIOSSLContext {
        do {
            return try NIOSSLContext(configuration: configuration)
        } catch NIOSSLError.failedToLoadPrivateKey {
            throw key.fault(.key, "does not hold the key of the certificate")
        } catch NIOSSLError.failedToLoadCertificate {
            throw certificate.fault(.certificate, "holds a certificate that cannot be used")
        } catch {
            throw certificate.fault(.certificate, "cannot be used: \(error)")
        }
    }

    private static func configuration(
        _ options: TLSOptions, clientCA: [NIOSSLCertificate]?
    ) throws(WebSecurityError) -> TLSConfiguration {
        let chain = try certificates(in: options.certificate, for: .certificate)
        var configuration = TLSConfiguration.makeServerConfiguration(
            certificateChain: chain.map { .certificate($0) }, privateKey: .privateKey(try key(in: options.key)))

        guard options.minimumVersion <= options.maximumVersion else {
            throw WebSecurityError(.versions, "the minimum is above the maximum")
        }
        configuration.minimumTLSVersion = options.minimumVersion.native
        configuration.maximumTLSVersion = options.maximumVersion.native
        try choose(options.cipherSuites, in: &configuration)
        configuration.curves = try curves(options.curves)
        configuration.applicationProtocols = ["http/1.1"]
        // HTTP says itself where a message ends, so the client's farewell is not waited for.
        configuration.shutdownTimeout = .zero
        try verify(clientsBy: options, clientCA: clientCA, in: &configuration)
        return configuration
    }

    static func certificates(
        in pem: TLSOptions.PEM, for setting: WebSecurityError.Setting
    ) throws(WebSecurityError) -> [NIOSSLCertificate] {
        let bytes = try pem.read(for: setting)
        guard let certificates = try? NIOSSLCertificate.fromPEMBytes(bytes), !certificates.isEmpty else {
            throw pem.fault(setting, "holds no certificate in PEM form")
        }
        return certificates
    }

    static func key(in pem: TLSOptions.PEM) throws(WebSecurityError) -> NIOSSLPrivateKey {
        let bytes = try pem.read(for: .key)
        guard let key = try? NIOSSLPrivateKey(bytes: bytes, format: .pem) else {
            throw pem.fault(.key, "holds no private key in PEM form, without a passphrase")
        }
        return key
    }

    private static func choose(
        _ names: [String], in configuration: inout TLSConfiguration
    ) throws(WebSecurityError) {
        guard !names.isEmpty else { return }
        for name in names where TLSNames.support(ofCipherSuite: name) == nil {
            throw WebSecurityError(.cipherSuites, "there is no \"\(name)\"")
        }
        for name in names where TLSNames.support(ofCipherSuite: name) == .unavailable {
            throw WebSecurityError(.cipherSuites, "\(name) is not supported")
        }
        let ciphers = names.compactMap(TLSNames.cipher)
        if !ciphers.isEmpty {
            configuration.cipherSuiteValues = ciphers
        } else if configuration.maximumTLSVersion == .tlsv13 {
            // Only suites of TLS 1.3 are left.
            configuration.minimumTLSVersion = .tlsv13
        } else {
            throw WebSecurityError(.cipherSuites, "none of them is for the TLS versions allowed")
        }
    }

    private static func curves(_ names: [String]) throws(WebSecurityError) -> [NIOTLSCurve]? {
        guard !names.isEmpty else { return nil }
        var curves: [NIOTLSCurve] = []
        for name in names {
            guard let curve = TLSNames.curve(name) else {
                throw WebSecurityError(.curves, "\"\(name)\" is not supported")
            }
            curves.append(curve)
        }
        return curves
    }

    private static func verify(
        clientsBy options: TLSOptions, clientCA: [NIOSSLCertificate]?, in configuration: inout TLSConfiguration
    ) throws(WebSecurityError) {
        if options.clientAuth == .none, options.clientCA != nil {
            throw WebSecurityError(.clientAuth, "a client CA is set, but no certificate is asked for")
        }
        if options.clientAuth == .none, !options.allowedClientNames.isEmpty {
            throw WebSecurityError(.clientAuth, "client names are set, but no certificate is asked for")
        }
        configuration.certificateVerification =
            switch options.clientAuth {
            case .none: .none
            case .request, .verifyIfGiven: .optionalVerification
            case .requireAny, .requireAndVerify: .noHostnameVerification
            }
        if let clientCA {
            configuration.trustRoots = .certificates(clientCA)
            // So that a client with several certificates knows which one to show, as Go does.
            configuration.sendCANameList = true
        } else {
            // Where they are to be verified and no CA is set, those that the system trusts count, as in Go.
            let usesSystem = options.clientAuth == .verifyIfGiven || options.clientAuth == .requireAndVerify
            configuration.trustRoots = usesSystem ? .default : .certificates([])
        }
    }

    /// What encrypts one connection.
    func makeHandler() -> NIOSSLServerHandler {
        if acceptsAnyCertificate {
            return NIOSSLServerHandler(context: context) { _, verified in
                verified.succeed(.certificateVerified)
            }
        }
        return NIOSSLServerHandler(context: context)
    }
}

extension TLSOptions.Version: Comparable {
    public static func < (first: TLSOptions.Version, second: TLSOptions.Version) -> Bool {
        // As they are spelled, they are in order.
        first.rawValue < second.rawValue
    }

    fileprivate var native: TLSVersion {
        switch self {
        case .tls10: .tlsv1
        case .tls11: .tlsv11
        case .tls12: .tlsv12
        case .tls13: .tlsv13
        }
    }
}
