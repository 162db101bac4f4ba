import NIOCore
import NIOPosix
import NIOSSL

/// TLS options with their certificates loaded, from which new connections are set up.
struct TLSSetup: Sendable {
    let rules: TLSRules
    let clients: ClientCertificates?
    private let configuration: TLSConfiguration
    private var context: NIOSSLContext

    /// Loads files, and blocks on them. A client may come without a required certificate if its requests are judged.
    init(_ options: TLSOptions, judgesRequests: Bool = false) throws(CertificateError) {
        let chain = try options.certificate.certificates(for: .certificate)
        let key = try options.key.privateKey()
        let authority = try options.clients?.authority?.certificates(for: .clientCA)
        var rest = options
        (rest.certificate, rest.key) = (.inline(""), .inline(""))
        rest.clients?.authority = nil
        rules = TLSRules(options: rest, clientCA: authority ?? [])
        clients = options.clients

        var configuration = Self.configuration(chain, key)
        configuration.minimumTLSVersion = options.versions.lowerBound.native
        configuration.maximumTLSVersion = options.versions.upperBound.native
        if !options.cipherSuites.isEmpty {
            configuration.cipherSuites = options.cipherSuites.map(\.name).joined(separator: ":")
        }
        if !options.curves.isEmpty { configuration.curves = options.curves.map(\.native) }
        configuration.applicationProtocols = ["http/1.1"]
        // HTTP says itself where a message ends, so the client's `close_notify` is not awaited.
        configuration.shutdownTimeout = .zero
        if let policy = clients?.policy {
            configuration.certificateVerification =
                policy.requires && !judgesRequests ? .noHostnameVerification : .optionalVerification
            configuration.trustRoots =
                authority.map { .certificates($0) } ?? (policy.verifies ? .default : .certificates([]))
            // So that a client with several certificates knows which one to show, as Go does.
            configuration.sendCANameList = authority != nil
        }
        self.configuration = configuration
        context = try Self.context(configuration, options.certificate, options.key)
    }

    static func configuration(_ chain: [NIOSSLCertificate], _ key: NIOSSLPrivateKey) -> TLSConfiguration {
        .makeServerConfiguration(certificateChain: chain.map { .certificate($0) }, privateKey: .privateKey(key))
    }

    static func context(
        _ configuration: TLSConfiguration, _ certificate: TLSOptions.PEM, _ key: TLSOptions.PEM
    ) throws(CertificateError) -> NIOSSLContext {
        do {
            return try NIOSSLContext(configuration: configuration)
        } catch NIOSSLError.failedToLoadPrivateKey {
            throw key.error(.key, "does not hold the key of the certificate")
        } catch NIOSSLError.failedToLoadCertificate {
            throw certificate.error(.certificate, "holds a certificate that cannot be used")
        } catch {
            throw certificate.error(.certificate, "cannot be used: \(error)")
        }
    }

    /// Makes the handler that encrypts a connection.
    func makeHandler() -> NIOSSLServerHandler {
        guard let clients, !clients.policy.verifies else { return NIOSSLServerHandler(context: context) }
        return NIOSSLServerHandler(context: context) { _, verified in verified.succeed(.certificateVerified) }
    }

    /// Prepares one connection: on a thread of the pool if that takes long, as to read the system's authorities does.
    ///
    /// A resumed session would not verify the client's certificate again, which may have expired. NIOSSL cannot be told
    /// not to resume, but the keys of sessions are those of a context: so a connection that asks for one gets its own.
    func forOneConnection(on eventLoop: any EventLoop) -> EventLoopFuture<TLSSetup> {
        guard clients != nil else { return eventLoop.makeSucceededFuture(self) }
        return NIOThreadPool.singleton.runIfActive(eventLoop: eventLoop) {
            var setup = self
            setup.context = try NIOSSLContext(configuration: configuration)
            return setup
        }
    }
}

/// The TLS options except the server's certificate and key. A connection ends once they have changed.
struct TLSRules: Sendable, Equatable {
    let options: TLSOptions
    let clientCA: [NIOSSLCertificate]
}

extension TLSOptions.Version {
    fileprivate var native: TLSVersion {
        switch self {
        case .tls10: .tlsv1
        case .tls11: .tlsv11
        case .tls12: .tlsv12
        case .tls13: .tlsv13
        }
    }
}

extension TLSOptions.Curve {
    fileprivate var native: NIOTLSCurve {
        switch self {
        case .p256: .secp256r1
        case .p384: .secp384r1
        case .p521: .secp521r1
        case .x25519: .x25519
        }
    }
}
