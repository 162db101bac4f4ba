import Basics
import HTTPServer
import HypersenderAPI

extension WebFile {
    /// Reads `tls_server_config`; nil where it says nothing, which is plain HTTP.
    static func tls(
        _ keys: MappingDecoder, folder: Substring, certificatesAt now: Int?
    ) -> TLSOptions? {
        let certificate = pem(inline: "cert", file: "cert_file", of: keys, folder: folder)
        let key = pem(inline: "key", file: "key_file", of: keys, folder: folder)
        let clientCA = pem(inline: "client_ca", file: "client_ca_file", of: keys, folder: folder)
        let clientAuth = keys.value("client_auth_type", clientAuth)
        let allowedNames = keys.texts("client_allowed_sans")
        let minimum = keys.value("min_version", ValueParser<TLSOptions.Version>.choice())
        let maximum = keys.value("max_version", ValueParser<TLSOptions.Version>.choice())
        let suites = keys.list("cipher_suites", isSecret: true, cipherSuite)
        let curves = keys.list("curve_preferences", curve)
        let prefersServer = keys.flag("prefer_server_cipher_suites")
        keys.end()
        guard keys.keys.contains(where: { !keys.isBlank($0) }) else {
            return nil
        }

        // The toolkit falls back to plain HTTP where only the other keys are given; nobody means that.
        for (inline, name) in [("cert", "cert_file"), ("key", "key_file")]
        where keys.isBlank(inline) && keys.isBlank(name) {
            keys.report(name, "is missing: name a file with PEM text, or give the text itself as \(inline)")
        }
        var options = TLSOptions(certificate: certificate ?? .inline(""), key: key ?? .inline(""))
        options.clientCA = clientCA
        options.minimumVersion = minimum ?? options.minimumVersion
        options.maximumVersion = maximum ?? options.maximumVersion
        options.prefersServerCipherSuites = prefersServer ?? options.prefersServerCipherSuites
        options.allowedClientNames = allowedNames ?? []
        options.curves = unique(curves ?? [])
        if let clientAuth = keys.isGiven("client_auth_type") ? clientAuth : TLSOptions.ClientAuth.none {
            options.clientAuth = clientAuth
            checkClients(options, keys)
        }
        if let now {
            let found = TLSInspection(certificate: certificate, key: key, clientCA: clientCA, now: now)
            for fault in found.faults {
                keys.report(keyName(fault.setting, keys), fault.reason)
            }
            for warning in found.warnings {
                keys.warn(keyName(warning.setting, keys), warning.reason)
            }
            if case .file(let path) = key, let exposure = FileExposure.warning(path, isSecret: true) {
                keys.warn("key_file", "\(Redaction.quote(path)) \(exposure)")
            }
        }
        checkVersions(options, keys)
        checkSuites(suites ?? [], options, keys)
        options.cipherSuites = unique((suites ?? []).filter { TLSNames.support(ofCipherSuite: $0) == .configurable })
        return options
    }

    /// Reads PEM text that stands in the file itself or in one of its own.
    ///
    /// An empty text counts as not given, as the toolkit has it.
    private static func pem(
        inline: String, file name: String, of keys: MappingDecoder, folder: Substring
    ) -> TLSOptions.PEM? {
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

    /// The key that a certificate or a key was given by.
    private static func keyName(_ setting: WebSecurityError.Setting, _ keys: MappingDecoder) -> String {
        let inline =
            switch setting {
            case .key: "key"
            case .clientCA: "client_ca"
            default: "cert"
            }
        return keys.isBlank(inline) ? "\(inline)_file" : inline
    }

    private static func clientAuth(_ text: String) throws(ValueProblem) -> TLSOptions.ClientAuth {
        switch text {
        case "": return .none
        // A name of the toolkit's first versions, which it still takes.
        case "RequireClientCert": return .requireAny
        default: break
        }
        guard let auth = TLSOptions.ClientAuth(rawValue: text) else {
            let names = TLSOptions.ClientAuth.allCases.map(\.rawValue)
            throw ValueProblem("is not one of \(names.joined(separator: ", "))")
        }
        return auth
    }

    private static func cipherSuite(_ text: String) throws(ValueProblem) -> String {
        switch TLSNames.support(ofCipherSuite: text) {
        case .configurable, .alwaysOn:
            return text
        case .unavailable:
            throw ValueProblem("\(text) is an insecure cipher suite that cannot be had: leave it out")
        case nil:
            // Names of cipher suites look like credentials to `Redaction`, as long as they are and with their digits.
            let isName =
                text.utf8.count <= 64 && text.hasPrefix("TLS_")
                && text.utf8.allSatisfy { (UInt8(ascii: "0")...UInt8(ascii: "_")).contains($0) }
            let shown = isName ? "\"\(text)\"" : Redaction.quote(Redaction.apply(to: text))
            throw ValueProblem("\(shown) is an unknown cipher suite; \(advice(text, TLSNames.cipherSuites))")
        }
    }

    private static func curve(_ text: String) throws(ValueProblem) -> String {
        guard TLSNames.curves.contains(text) else {
            throw ValueProblem("is an unknown curve; \(advice(text, TLSNames.curves))")
        }
        return text
    }

    private static func advice(_ text: String, _ names: [String]) -> String {
        KeyName.nearest(to: text, among: names).map { "did you mean \($0)?" }
            ?? "known are \(names.joined(separator: ", "))"
    }

    private static func checkClients(_ options: TLSOptions, _ keys: MappingDecoder) {
        let caKey = keys.isBlank("client_ca_file") ? "client_ca" : "client_ca_file"
        switch options.clientAuth {
        case .none where options.clientCA != nil:
            keys.report(
                caKey,
                "has no effect while clients are asked for no certificate: set client_auth_type to"
                    + " RequireAndVerifyClientCert")
        case .requireAndVerify where keys.isBlank("client_ca_file") && keys.isBlank("client_ca"):
            // Go would take the system's authorities: whoever has a public certificate could come in.
            keys.report(
                "client_auth_type",
                "needs client_ca_file or client_ca: the authority that signs the clients' certificates")
        default: break
        }
        guard keys.isGiven("client_allowed_sans") else {
            return
        }
        if ![.requireAny, .requireAndVerify].contains(options.clientAuth) {
            keys.report(
                "client_allowed_sans",
                "needs clients that show a certificate: set client_auth_type to RequireAndVerifyClientCert")
        }
        if keys.isEmptyList("client_allowed_sans") {
            keys.report("client_allowed_sans", "allows nobody: name the clients, or leave it out to allow all")
        }
    }

    private static func checkVersions(_ options: TLSOptions, _ keys: MappingDecoder) {
        let versions = TLSOptions.Version.allCases
        if let lowest = versions.firstIndex(of: options.minimumVersion),
            let highest = versions.firstIndex(of: options.maximumVersion), lowest > highest
        {
            keys.report(
                keys.isGiven("max_version") ? "max_version" : "min_version",
                "leaves no version: min_version is \(options.minimumVersion.rawValue), max_version"
                    + " \(options.maximumVersion.rawValue)")
        }
    }

    /// Refuses lists with which TLS 1.2 would not work; for TLS 1.3 the list does not count.
    private static func checkSuites(
        _ suites: [String], _ options: TLSOptions, _ keys: MappingDecoder
    ) {
        guard !suites.isEmpty, options.minimumVersion != .tls13 else {
            return
        }
        if !suites.contains(where: { TLSNames.support(ofCipherSuite: $0) == .configurable }) {
            keys.report(
                "cipher_suites", "leaves none for TLS 1.2: add one of its suites, or set min_version to TLS13")
        }
    }

    /// Without what has been named before.
    private static func unique(_ names: [String]) -> [String] {
        names.enumerated().filter { names.firstIndex(of: $0.element) == $0.offset }.map(\.element)
    }
}
