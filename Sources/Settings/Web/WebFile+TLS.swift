import Basics
import HTTPServer

extension WebFile {
    /// Reads `tls_server_config`; returns `nil` for plain HTTP, if no key has a value.
    static func tls(_ keys: MappingDecoder, folder: Substring, certificatesAt now: Int?) -> TLSOptions? {
        let certificate = pem("cert", of: keys, folder: folder)
        let key = pem("key", of: keys, folder: folder)
        let clientCA = pem("client_ca", of: keys, folder: folder)
        let policy = keys.value("client_auth_type", clientPolicy)
        let allowedNames = keys.texts("client_allowed_sans")
        let minimum = keys.value("min_version", ValueParser<TLSOptions.Version>.choice()) ?? .tls12
        let maximum = keys.value("max_version", ValueParser<TLSOptions.Version>.choice()) ?? .tls13
        let suites = keys.list("cipher_suites", isSecret: true, cipherSuite) ?? []
        let curves = keys.list("curve_preferences", curve) ?? []
        if keys.flag("prefer_server_cipher_suites") != nil {
            keys.warn("prefer_server_cipher_suites", "has no effect: the TLS library chooses the suite")
        }
        keys.end()
        guard keys.keys.contains(where: { !keys.isBlank($0) }) else { return nil }

        // The toolkit falls back to plain HTTP if only other keys are given; nobody means that.
        for name in ["cert", "key"] where keys.isBlank(name) && keys.isBlank("\(name)_file") {
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
        if let now {
            inspect(certificate, key, clientCA, keys, now: now)
        }
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
    private static func pem(_ inline: String, of keys: MappingDecoder, folder: Substring) -> TLSOptions.PEM? {
        let name = "\(inline)_file"
        let text = keys.value(inline, isSecret: true) { (text) throws(ValueProblem) in
            guard text.isEmpty || text.contains("-----BEGIN ") else {
                throw ValueProblem("is not PEM text; to name a file, write \(name)")
            }
            return text
        }
        let path = keys.value(name, isSecret: true) { (text) throws(ValueProblem) in
            guard !text.contains("-----BEGIN ") else {
                throw ValueProblem("is PEM text, not a file; to give the text itself, write \(inline)")
            }
            guard text.isEmpty || !text.allSatisfy(\.isWhitespace) else {
                throw ValueProblem("is blank: leave it out, or name a file")
            }
            return text
        }
        if !keys.isBlank(inline), !keys.isBlank(name) {
            keys.report(name, "is given, and so is \(inline): give one of them")
        }
        if let path, !path.isEmpty {
            return .file(path.hasPrefix("/") ? path : folder + path)
        }
        return text.flatMap { $0.isEmpty ? nil : .inline($0) }
    }

    /// Reports faults and warnings of the certificates and keys as they are now.
    private static func inspect(
        _ certificate: TLSOptions.PEM?, _ key: TLSOptions.PEM?, _ clientCA: TLSOptions.PEM?, _ keys: MappingDecoder,
        now: Int
    ) {
        func name(_ setting: CertificateError.Setting) -> String {
            let inline =
                switch setting {
                case .certificate: "cert"
                case .key: "key"
                case .clientCA: "client_ca"
                }
            return keys.isBlank(inline) ? "\(inline)_file" : inline
        }

        let found = TLSInspection(certificate: certificate, key: key, clientCA: clientCA, now: now)
        for fault in found.faults {
            keys.report(name(fault.setting), fault.reason)
        }
        for warning in found.warnings {
            keys.warn(name(warning.setting), warning.reason)
        }
        if case .file(let path)? = key, let exposure = FileExposure.warning(path, isSecret: true) {
            keys.warn("key_file", "\(Redaction.quote(path)) \(exposure)")
        }
    }

    /// Parses the policy for clients; returns `nil` if they are asked for no certificate.
    private static func clientPolicy(_ text: String) throws(ValueProblem) -> ClientCertificates.Policy? {
        switch text {
        case "", "NoClientCert": return nil
        // A name of the toolkit's first versions, which it still takes.
        case "RequireClientCert": return .requireAny
        default: break
        }
        guard let policy = ClientCertificates.Policy(rawValue: text) else {
            let names = ["NoClientCert"] + ClientCertificates.Policy.allCases.map(\.rawValue)
            throw ValueProblem("is not one of \(names.joined(separator: ", "))")
        }
        return policy
    }

    /// Parses a cipher suite; returns `nil` for one of TLS 1.3, which is always on.
    private static func cipherSuite(_ text: String) throws(ValueProblem) -> CipherSuite? {
        let suite = CipherSuite(text)
        if suite != nil || CipherSuite.namesOfTLS13.contains(text) {
            return suite
        }
        guard !CipherSuite.insecureNames.contains(text) else {
            throw ValueProblem("\(text) is an insecure cipher suite that cannot be had: leave it out")
        }
        // `Redaction` takes names of cipher suites for credentials, as long as they are and with their digits.
        let isName =
            text.utf8.count <= 64 && text.hasPrefix("TLS_")
            && text.utf8.allSatisfy { (UInt8(ascii: "0")...UInt8(ascii: "_")).contains($0) }
        let shown = isName ? "\"\(text)\"" : Redaction.quote(Redaction.apply(to: text))
        let known = (CipherSuite.names + CipherSuite.namesOfTLS13).sorted()
        throw ValueProblem("\(shown) is an unknown cipher suite; \(advice(text, known))")
    }

    private static func curve(_ text: String) throws(ValueProblem) -> TLSOptions.Curve {
        guard let curve = TLSOptions.Curve(rawValue: text) else {
            throw ValueProblem("is an unknown curve; \(advice(text, TLSOptions.Curve.allCases.map(\.rawValue)))")
        }
        return curve
    }

    private static func advice(_ text: String, _ names: [String]) -> String {
        KeyName.nearest(to: text, among: names).map { "did you mean \($0)?" }
            ?? "known are \(names.joined(separator: ", "))"
    }

    private static func checkClients(
        _ policy: ClientCertificates.Policy?, hasAuthority: Bool, _ keys: MappingDecoder
    ) {
        if policy == nil, hasAuthority {
            keys.report(
                keys.isBlank("client_ca_file") ? "client_ca" : "client_ca_file",
                "has no effect while clients are asked for no certificate: set client_auth_type to"
                    + " RequireAndVerifyClientCert")
        }
        if policy == .requireAndVerify, keys.isBlank("client_ca_file"), keys.isBlank("client_ca") {
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
