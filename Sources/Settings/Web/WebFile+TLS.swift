import Basics
import HTTPServer

extension WebFile {
    /// Reads `tls_server_config`; returns `nil` for plain HTTP, if no key has a value.
    static func tls(_ keys: MappingDecoder, certificatesAt now: Int?) -> TLSOptions? {
        let certificate = pem("cert", of: keys)
        let key = pem("key", of: keys)
        let clientCA = pem("client_ca", of: keys)
        let policy = keys.value("client_auth_type", clientPolicy)
        let allowedNames = keys.texts("client_allowed_sans")
        let minimum = keys.value("min_version", ValueParser<TLSOptions.Version>.choice()) ?? .tls12
        let maximum = keys.value("max_version", ValueParser<TLSOptions.Version>.choice()) ?? .tls13
        let suites = keys.list("cipher_suites", quote: nil, cipherSuite) ?? []
        let curves = keys.list("curve_preferences", curve) ?? []
        if keys.flag("prefer_server_cipher_suites") != nil {
            keys.warn("prefer_server_cipher_suites", "has no effect: the TLS library chooses the suite")
        }
        keys.end()
        guard keys.keys.contains(where: { !keys.isBlank($0) }) else { return nil }

        // The toolkit falls back to plain HTTP if only other keys are given; nobody means that.
        for name in ["cert", "key"] where keys.isBlank(pemKey(name, keys)) {
            keys.report(
                "\(name)_file", "is missing: name a file with PEM text, or give the text itself as \(name)")
        }
        var options = TLSOptions(certificate: certificate ?? .inline(""), key: key ?? .inline(""))
        if let policy = keys.isGiven("client_auth_type") ? policy : .some(nil) {
            options.clients = policy.map {
                ClientCertificates($0, authority: clientCA, allowedNames: allowedNames ?? [])
            }
            checkClients(policy, hasAuthority: clientCA != nil, keys)
        }
        if let now { inspect(certificate, key, clientCA, keys, now: now) }
        if minimum <= maximum {
            options.versions = minimum...maximum
        } else {
            keys.report(
                keys.isGiven("max_version") ? "max_version" : "min_version",
                "leaves no version: min_version is \(minimum.rawValue), max_version \(maximum.rawValue)")
        }
        options.curves = unique(curves)
        options.cipherSuites = unique(suites.compactMap(\.self))
        // TLS 1.3 would go on with its own suites, TLS 1.2 would not work.
        if !suites.isEmpty, options.cipherSuites.isEmpty, minimum != .tls13 {
            keys.report(
                "cipher_suites", "leaves none for TLS 1.2: add one of its suites, or set min_version to TLS13")
        }
        return options
    }

    /// Reads PEM text, either inline or from a file, whose key has `_file` at its end.
    ///
    /// An empty text counts as not given, as in the toolkit.
    private static func pem(_ inline: String, of keys: MappingDecoder) -> TLSOptions.PEM? {
        let name = "\(inline)_file"
        let text = keys.value(inline, quote: nil) { (text) throws(Problem) in
            guard text.isEmpty || text.contains("-----BEGIN ") else {
                throw Problem("is not PEM text; to name a file, write \(name)")
            }
            return text
        }
        let path = keys.value(name, quote: nil) { (text) throws(Problem) in
            guard !text.contains("-----BEGIN ") else {
                throw Problem("is PEM text, not a file; to give the text itself, write \(inline)")
            }
            guard text.isEmpty || !text.allSatisfy(\.isWhitespace) else {
                throw Problem("is blank: leave it out, or name a file")
            }
            return text
        }
        if !keys.isBlank(inline), !keys.isBlank(name) {
            keys.report(name, "is given, and so is \(inline): give one of them")
        }
        if let path, !path.isEmpty { return .file(keys.resolve(path)) }
        return text.flatMap { $0.isEmpty ? nil : .inline($0) }
    }

    /// Returns the key that a PEM text is given by: its own, or that of a file.
    private static func pemKey(_ inline: String, _ keys: MappingDecoder) -> String {
        keys.isBlank(inline) ? "\(inline)_file" : inline
    }

    /// Reports faults and warnings of the certificates and keys as they are now.
    private static func inspect(
        _ certificate: TLSOptions.PEM?, _ key: TLSOptions.PEM?, _ clientCA: TLSOptions.PEM?, _ keys: MappingDecoder,
        now: Int
    ) {
        func name(_ setting: CertificateError.Setting) -> String {
            switch setting {
            case .certificate: pemKey("cert", keys)
            case .key: pemKey("key", keys)
            case .clientCA: pemKey("client_ca", keys)
            }
        }

        let found = TLSInspection(certificate: certificate, key: key, clientCA: clientCA, now: now)
        for fault in found.faults { keys.report(name(fault.setting), fault.reason) }
        for warning in found.warnings { keys.warn(name(warning.setting), warning.reason) }
        if case .file(let path)? = key, let exposure = FileExposure.warning(path, isSecret: true) {
            keys.warn("key_file", "\(Redaction.quote(path)) \(exposure)")
        }
    }

    /// Parses the policy for clients; returns `nil` if they are asked for no certificate.
    private static func clientPolicy(_ text: String) throws(Problem) -> ClientCertificates.Policy? {
        if ["", "NoClientCert"].contains(text) { return nil }
        // A name of the toolkit's first versions, which it still takes.
        if text == "RequireClientCert" { return .requireAny }
        if let policy = ClientCertificates.Policy(rawValue: text) { return policy }
        let names = ["NoClientCert"] + ClientCertificates.Policy.allCases.map(\.rawValue)
        throw Problem("is not one of \(names.joined(separator: ", "))")
    }

    /// Parses a cipher suite; returns `nil` for one of TLS 1.3, which is always on.
    private static func cipherSuite(_ text: String) throws(Problem) -> CipherSuite? {
        if CipherSuite.namesOfTLS13.contains(text) { return nil }
        if let suite = CipherSuite(text) { return suite }
        guard !CipherSuite.insecureNames.contains(text) else {
            throw Problem("\(text) is an insecure cipher suite that cannot be had: leave it out")
        }
        // `Redaction` takes names of cipher suites for credentials, as long as they are and with their digits.
        let isName =
            text.utf8.count <= 64 && text.hasPrefix("TLS_")
            && text.utf8.allSatisfy { (UInt8(ascii: "0")...UInt8(ascii: "_")).contains($0) }
        let shown = isName ? "\"\(text)\"" : Redaction.quote(Redaction.apply(to: text))
        let known = (CipherSuite.names + CipherSuite.namesOfTLS13).sorted()
        throw Problem("\(shown) is an unknown cipher suite\(KeyName.advice(text, known, otherwise: "known are"))")
    }

    private static func curve(_ text: String) throws(Problem) -> TLSOptions.Curve {
        if let curve = TLSOptions.Curve(rawValue: text) { return curve }
        let known = TLSOptions.Curve.allCases.map(\.rawValue)
        throw Problem("is an unknown curve\(KeyName.advice(text, known, otherwise: "known are"))")
    }

    private static func checkClients(
        _ policy: ClientCertificates.Policy?, hasAuthority: Bool, _ keys: MappingDecoder
    ) {
        if policy == nil, hasAuthority {
            keys.report(
                pemKey("client_ca", keys),
                "has no effect while clients are asked for no certificate: set client_auth_type to"
                    + " RequireAndVerifyClientCert")
        }
        if policy == .requireAndVerify, keys.isBlank(pemKey("client_ca", keys)) {
            // Go would take the system's authorities: whoever has a public certificate could come in.
            keys.report(
                "client_auth_type",
                "needs client_ca_file or client_ca: the authority that signs the clients' certificates")
        }
        guard keys.isGiven("client_allowed_sans") else { return }
        if policy != .requireAny, policy != .requireAndVerify {
            keys.report(
                "client_allowed_sans",
                "needs clients that show a certificate: set client_auth_type to RequireAndVerifyClientCert")
        }
        if keys.isEmptyList("client_allowed_sans") {
            keys.report("client_allowed_sans", "allows nobody: name the clients, or leave it out to allow all")
        }
    }

    /// Returns the elements without duplicates.
    private static func unique<Element: Hashable>(_ elements: [Element]) -> [Element] {
        var seen: Set<Element> = []
        return elements.filter { seen.insert($0).inserted }
    }
}
