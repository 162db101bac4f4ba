import FoundationEssentials
import HTTPServer
import Testing

@testable import Settings

/// The files are in `Web`: those that begin with `bad` must be refused, all others taken.
///
/// The cases are those of the exporter-toolkit's own tests, and what it lets pass without doing it.
struct WebFileTests {
    static let folder =
        #filePath.split(separator: "/", omittingEmptySubsequences: false).dropLast().joined(separator: "/") + "/Web"

    /// Reads one of the files, as if it stood in the working directory.
    private func read(_ name: String, as path: String? = nil) throws -> Result<WebSecurity, SettingsProblems> {
        let bytes = try Data(contentsOf: URL(filePath: "\(Self.folder)/\(name)"))
        return Result { () throws(SettingsProblems) in
            try WebFile.parse([UInt8](bytes), file: path ?? name).security
        }
    }

    /// A file with a certificate and its key, and what is said of it.
    private static func security(_ change: (inout TLSOptions, inout WebSecurity) -> Void) -> WebSecurity {
        var security = WebSecurity()
        var tls = TLSOptions(certificate: .file("server.crt"), key: .file("server.key"))
        change(&tls, &security)
        security.tls = tls
        return security
    }

    private static func suites(_ names: String...) -> [CipherSuite] {
        names.compactMap(CipherSuite.init)
    }

    private static func plain(_ change: (inout WebSecurity) -> Void) -> WebSecurity {
        var security = WebSecurity()
        change(&security)
        return security
    }

    private static let hash = "$2b$04$abcdefghijklmnopqrstuujydOTSfIH/d5oUHpsygqV5X9xJLQc6e"
    private static let noHash =
        "is not a bcrypt hash: make one with htpasswd -nBC 10 NAME, and write what follows the colon"
    private static let certificate = "-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----\n"
    private static let key = "-----BEGIN PRIVATE KEY-----\nMIIB\n-----END PRIVATE KEY-----\n"

    static let good: [String: WebSecurity] = [
        "empty.yml": WebSecurity(),
        "comments-only.yml": WebSecurity(),
        "sections-without-keys.yml": WebSecurity(),
        "tls.yml": security { _, _ in },
        "tls-paths.yml": security { tls, _ in
            tls.certificate = .file("certs/server.crt")
            tls.key = .file("/etc/ssl/private/server.key")
            tls.clients = ClientCertificates(.verifyIfGiven, authority: .file("../ca.crt"))
        },
        "tls-inline.yml": security { tls, _ in
            (tls.certificate, tls.key) = (.inline(certificate), .inline(key))
            tls.clients = ClientCertificates(.request, authority: .inline(certificate))
        },
        "tls-key-inline.yml": security { tls, _ in tls.key = .inline(key) },
        "every-key.yml": security { tls, security in
            tls.clients = ClientCertificates(
                .requireAndVerify, authority: .file("ca.crt"), allowedNames: ["prometheus.example.org", "192.0.2.7"])
            tls.versions = .tls11 ... .tls12
            tls.cipherSuites = suites(
                "TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384", "TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256")
            tls.curves = [.x25519, .p256]
            security.headers = [
                "Content-Security-Policy": "default-src 'none'; style-src 'self'", "X-Frame-Options": "DENY",
                "X-Content-Type-Options": "nosniff", "X-XSS-Protection": "1",
                "Strict-Transport-Security": "max-age=31536000; includeSubDomains",
            ]
            security.users["alice"] = BcryptHash(hash)
            security.users["bob@example.org"] = BcryptHash(hash.replacing("$2b$", with: "$2y$"))
            security.rateLimit = RequestRateLimit(interval: .milliseconds(500), burst: 20)
            security.authExemptPaths = ["/-/healthy", "/-/ready"]
        },
        "suites-all.yml": security { tls, _ in
            let names =
                [
                    "RSA_WITH_AES_128_CBC_SHA", "RSA_WITH_AES_256_CBC_SHA", "RSA_WITH_AES_128_GCM_SHA256",
                    "RSA_WITH_AES_256_GCM_SHA384",
                ]
                + ["RSA", "ECDSA"].flatMap { key in
                    [
                        "AES_128_CBC_SHA", "AES_256_CBC_SHA", "AES_128_GCM_SHA256", "AES_256_GCM_SHA384",
                        "CHACHA20_POLY1305_SHA256",
                    ].map { "ECDHE_\(key)_WITH_\($0)" }
                }
            tls.cipherSuites = names.compactMap { CipherSuite("TLS_\($0)") }
        },
        "suites-cbc.yml": security { tls, _ in
            tls.cipherSuites = suites("TLS_RSA_WITH_AES_128_CBC_SHA")
            tls.versions = .tls12 ... .tls12
        },
        "suites-of-tls13.yml": security { tls, _ in tls.versions = .tls13 ... .tls13 },
        "suites-empty.yml": security { _, _ in },
        "curves-all.yml": security { tls, _ in tls.curves = [.p521, .p384, .p256, .x25519] },
        "client-auth-old-name.yml": security { tls, _ in
            tls.clients = ClientCertificates(.requireAny, allowedNames: ["one"])
        },
        "headers.yml": plain { $0.headers = ["X-Frame-Options": "sameorigin"] },
        "users.yml": plain { $0.users = ["alice": hash, "12": hash].compactMapValues(BcryptHash.init) },
        "rate-limit-off.yml": WebSecurity(),
        "rate-limit.yml": plain { $0.rateLimit = RequestRateLimit(interval: .seconds(1), burst: 1) },
    ]

    static let bad: [String: [String]] = [
        "bad-junk.yml": ["1: is not valid YAML: mapping values are not allowed in this context"],
        "bad-text.yml": ["1: must be a mapping: lines of the form key: value"],
        "bad-utf8.yml": ["2: is not UTF-8: save the file in that encoding"],
        "bad-key.yml": [
            "2: tls_server_config.cert_filse: unknown key; did you mean cert_file?",
            "2: tls_server_config.cert_file: is missing: name a file with PEM text, or give the text itself as cert",
        ],
        "bad-section.yml": [
            "1: tls_server_conf: unknown key; did you mean tls_server_config?",
            "2: authorisation: unknown key; known here: auth_exempt_paths, basic_auth_users, http_server_config,"
                + " rate_limit, tls_server_config",
        ],
        "bad-kinds.yml": [
            "1: tls_server_config: must be a mapping: lines of the form key: value",
            "2: http_server_config: must be a mapping: lines of the form key: value",
            "3: basic_auth_users: must be a mapping: lines of the form key: value",
            "4: rate_limit: must be a mapping: lines of the form key: value",
            "5: auth_exempt_paths: must be a list: lines that begin with a dash, or [a, b]",
        ],
        "bad-values.yml": [
            "2: tls_server_config.cert_file: must be a single value, not a list or a mapping",
            "3: tls_server_config.key_file: must be a single value, not a list or a mapping",
            "4: tls_server_config.prefer_server_cipher_suites: \"maybe\" must be true or false, without quotes",
            "5: tls_server_config.cipher_suites: must be a list: lines that begin with a dash, or [a, b]",
            "7: http_server_config.http2: \"true\" must be true or false, without quotes",
        ],
        "bad-twice.yml": ["4: cert_file: is given twice, first in line 2"],
        "bad-cert-empty.yml": [
            "2: tls_server_config.cert_file: is missing: name a file with PEM text, or give the text itself as cert"
        ],
        "bad-cert-missing.yml": [
            "2: tls_server_config.cert_file: is missing: name a file with PEM text, or give the text itself as cert"
        ],
        "bad-key-missing.yml": [
            "2: tls_server_config.key_file: is missing: name a file with PEM text, or give the text itself as key"
        ],
        "bad-both-missing.yml": [
            "2: tls_server_config.cert_file: is missing: name a file with PEM text, or give the text itself as cert",
            "2: tls_server_config.key_file: is missing: name a file with PEM text, or give the text itself as key",
        ],
        "bad-cert-both.yml": ["2: tls_server_config.cert_file: is given, and so is cert: give one of them"],
        "bad-ca-both.yml": ["5: tls_server_config.client_ca_file: is given, and so is client_ca: give one of them"],
        "bad-path-inline.yml": [
            "2: tls_server_config.cert: is not PEM text; to name a file, write cert_file",
            "3: tls_server_config.key: is not PEM text; to name a file, write key_file",
        ],
        "bad-pem-as-path.yml": [
            "2: tls_server_config.cert_file: is PEM text, not a file; to give the text itself, write cert",
            "6: tls_server_config.key_file: is PEM text, not a file; to give the text itself, write key",
        ],
        "bad-path-blank.yml": ["2: tls_server_config.cert_file: is blank: leave it out, or name a file"],
        "bad-client-auth.yml": [
            "4: tls_server_config.client_auth_type: \"RequireAndVerifyClientCerts\" is not one of NoClientCert,"
                + " RequestClientCert, RequireAnyClientCert, VerifyClientCertIfGiven, RequireAndVerifyClientCert"
        ],
        "bad-ca-without-policy.yml": [
            "4: tls_server_config.client_ca_file: has no effect while clients are asked for no certificate: set"
                + " client_auth_type to RequireAndVerifyClientCert"
        ],
        "bad-policy-without-ca.yml": [
            "4: tls_server_config.client_auth_type: needs client_ca_file or client_ca: the authority that signs the"
                + " clients' certificates"
        ],
        "bad-names-without-policy.yml": [
            "4: tls_server_config.client_allowed_sans: needs clients that show a certificate: set client_auth_type to"
                + " RequireAndVerifyClientCert"
        ],
        "bad-names-optional.yml": [
            "5: tls_server_config.client_allowed_sans: needs clients that show a certificate: set client_auth_type to"
                + " RequireAndVerifyClientCert"
        ],
        "bad-names-empty.yml": [
            "5: tls_server_config.client_allowed_sans: allows nobody: name the clients, or leave it out to allow all"
        ],
        "bad-version.yml": [
            "4: tls_server_config.min_version: \"TLS111\" is not one of TLS10, TLS11, TLS12, TLS13",
            "5: tls_server_config.max_version: \"1.2\" is not one of TLS10, TLS11, TLS12, TLS13",
        ],
        "bad-versions.yml": [
            "5: tls_server_config.max_version: leaves no version: min_version is TLS13, max_version TLS12"
        ],
        "bad-minimum.yml": [
            "4: tls_server_config.max_version: leaves no version: min_version is TLS12, max_version TLS11"
        ],
        "bad-suites.yml": [
            "5: tls_server_config.cipher_suites[0]: \"TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA255\" is an unknown cipher suite;"
                + " did you mean TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256?",
            "6: tls_server_config.cipher_suites[1]: \"5\" is an unknown cipher suite; known are"
                + " \((CipherSuite.names + CipherSuite.namesOfTLS13).sorted().joined(separator: ", "))",
            "7: tls_server_config.cipher_suites[2]: TLS_RSA_WITH_RC4_128_SHA is an insecure cipher suite that cannot"
                + " be had: leave it out",
            "8: tls_server_config.cipher_suites[3]: TLS_ECDHE_RSA_WITH_3DES_EDE_CBC_SHA is an insecure cipher suite"
                + " that cannot be had: leave it out",
        ],
        "bad-suites-of-tls13.yml": [
            "4: tls_server_config.cipher_suites: leaves none for TLS 1.2: add one of its suites, or set min_version to"
                + " TLS13"
        ],
        "bad-curves.yml": [
            "5: tls_server_config.curve_preferences[0]: \"CurveP257\" is an unknown curve; did you mean CurveP256?",
            "6: tls_server_config.curve_preferences[1]: \"secp256k1\" is an unknown curve; known are CurveP256,"
                + " CurveP384, CurveP521, X25519",
        ],
        "bad-headers.yml": [
            "3: http_server_config.headers.X-Frame-Options: \"allow\" is not deny or sameorigin",
            "4: http_server_config.headers.X-Content-Type-Options: \"sniff\" is not nosniff",
            "5: http_server_config.headers.Content-Security-Policy: \"default-src 'none' Set-Cookie: a\" is not one line"
                + " of ASCII text",
            "8: http_server_config.headers.Server: unknown key; known here: Content-Security-Policy,"
                + " Strict-Transport-Security, X-Content-Type-Options, X-Frame-Options, X-XSS-Protection",
            "9: http_server_config.headers.x-frame-options: unknown key; did you mean X-Frame-Options?",
        ],
        "bad-users.yml": [
            "2: basic_auth_users.alice: \(noHash)",
            "3: basic_auth_users.bob: is missing: give the bcrypt hash of the user's password",
            "4: basic_auth_users.\"car:ol\": a user's name cannot have a colon, which ends it in a request (RFC 7617)",
            "5: basic_auth_users.dave: \(noHash)", "6: basic_auth_users.erin: \(noHash)",
            "7: basic_auth_users.frank: \(noHash)",
            "8: basic_auth_users.grace: must be a single value, not a list or a mapping",
        ],
        "bad-burst.yml": ["2: rate_limit.burst: is missing: say how many requests are answered at once, 1 or more"],
        "bad-burst-zero.yml": [
            "3: rate_limit.burst: is 0, which answers no request: write 1 or more, or interval: 0 for no limit"
        ],
        "bad-interval.yml": [
            "2: rate_limit.interval: is missing: say how long one more request takes to come free, or 0 for no limit"
        ],
        "bad-rate-limit.yml": [
            "2: rate_limit.interval: \"1000\" is not a duration: write it like 30s, 1m30s or 500ms",
            "3: rate_limit.burst: \"-1\" is not a whole number: it must be 0 to 1000000",
            "4: rate_limit.birst: unknown key; did you mean burst?",
        ],
        "bad-exempt-paths.yml": [
            "2: auth_exempt_paths[0]: \"metrics\" is not a path: write it like /-/healthy",
            "3: auth_exempt_paths[1]: \"/a?b\" is not a path: write it like /-/healthy",
            "4: auth_exempt_paths[2]: \"\" is not a path: write it like /-/healthy",
            "5: auth_exempt_paths[3]: must be a single value, not a list or a mapping",
        ],
    ]

    @Test func everyFileIsInOneOfTheTables() throws {
        let files = try FileManager.default.contentsOfDirectory(atPath: Self.folder)
        #expect(Set(files) == Set(Self.good.keys).union(Self.bad.keys))
        #expect(Self.bad.keys.allSatisfy { $0.hasPrefix("bad-") } && !Self.good.keys.contains { $0.hasPrefix("bad-") })
    }

    @Test(arguments: good.keys.sorted())
    func goodFilesSayWhatTheySay(name: String) throws {
        #expect(try read(name) == .success(#require(Self.good[name])))
    }

    @Test(arguments: bad.keys.sorted())
    func badFilesAreRefusedWithEveryReason(name: String) throws {
        guard case .failure(let error) = try read(name) else {
            Issue.record("\(name) is taken")
            return
        }
        #expect(error.problems.map(\.description) == Self.bad[name]?.map { "\(name):\($0)" })
        // The texts that stand for secrets in the files.
        #expect(!error.problems.contains { $0.problem.contains("hunter2") || $0.problem.contains("$2") })
    }

    @Test func pathsAreRelativeToTheFile() throws {
        let tls = try read("tls-paths.yml", as: "/etc/exporter/web.yml").get().tls
        #expect(tls?.certificate == .file("/etc/exporter/certs/server.crt"))
        #expect(tls?.key == .file("/etc/ssl/private/server.key"))
        #expect(tls?.clients?.authority == .file("/etc/exporter/../ca.crt"))
        #expect(try read("tls.yml", as: "conf/web.yml").get().tls?.certificate == .file("conf/server.crt"))
    }

    @Test func certificatesAreLookedAtWithTheRest() throws {
        for (name, expected) in [
            (
                "tls-inline.yml",
                [
                    "cert: the text holds no certificate", "key: the text holds no private key",
                    "client_ca: the text holds",
                ]
            ),
            (
                "tls-paths.yml",
                ["cert_file: none/certs/server.crt cannot be opened", "key_file: /etc/ssl", "client_ca_file: none/"]
            ),
            ("bad-cert-missing.yml", ["cert_file: is missing", "key_file: none/server.key cannot be opened"]),
            (
                "bad-key.yml",
                ["cert_filse: unknown key", "cert_file: is missing", "key_file: none/server.key cannot be opened"]
            ),
        ] {
            let bytes = [UInt8](try Data(contentsOf: URL(filePath: "\(Self.folder)/\(name)")))
            let error = #expect(throws: SettingsProblems.self) {
                try WebFile.parse(bytes, file: "none/web.yml", certificatesAt: 0)
            }
            let problems = error?.problems.map(\.problem) ?? []
            #expect(problems.count == expected.count, "\(problems)")
            for (problem, beginning) in zip(problems, expected) {
                #expect(problem.hasPrefix("tls_server_config.\(beginning)"), "\(problem)")
            }
        }
    }

    /// Each user with the cost of the hash, in a line of its own.
    @Test(arguments: [
        ([("a", 10)], []), ([("a", 16), ("b", 16)], []),
        (
            [("a", 10), ("b", 12), ("c", 10), ("d", 4)],
            [
                "1: basic_auth_users: has hashes of different costs (4, 10, 12): the time of a refusal tells which names exist;"
                    + " make all with htpasswd -nBC 10 NAME"
            ]
        ),
        (
            [("a", 17), ("b", 17)],
            ["2: a", "3: b"].map {
                $0.replacing(": ", with: ": basic_auth_users.")
                    + ": is a bcrypt hash of cost 17, which takes seconds to check: make one with htpasswd -nBC 10 NAME"
            }
        ),
    ])
    func costsOfHashesAreWarnings(users: [(String, Int)], expected: [String]) throws {
        let lines = users.map { name, cost in
            "  \(name): " + Self.hash.replacing("$04$", with: cost < 10 ? "$0\(cost)$" : "$\(cost)$")
        }
        let text = (["basic_auth_users:"] + lines).joined(separator: "\n")
        let file = try WebFile.parse(Array(text.utf8), file: "web.yml")
        #expect(file.security.users.count == users.count)
        #expect(file.warnings.map(\.description) == expected.map { "web.yml:\($0)" })
    }

    @Test func filesAreReadFromTheDisk() throws {
        let file = try WebFile.read(path: "\(Self.folder)/rate-limit.yml", now: 0)
        #expect(file.security == Self.good["rate-limit.yml"] && file.warnings.isEmpty)
        for path in ["\(Self.folder)/none.yml", Self.folder] {
            let error = #expect(throws: SettingsProblems.self) { try WebFile.read(path: path, now: 0) }
            #expect(error?.problems.first?.place == path && error?.problems.count == 1)
        }
    }

    @Test(arguments: [
        ("true", ["1: http_server_config.http2: has no effect: HTTP/1.1 is served"]), ("false", []), ("", []),
    ])
    func http2IsTakenWithAWarning(value: String, warnings: [String]) throws {
        let file = try WebFile.parse(Array("http_server_config: {http2: \(value)}\n".utf8), file: "f")
        #expect(file.security == WebSecurity())
        #expect(file.warnings.map { "\($0)" } == warnings.map { "f:\($0)" })
    }

    @Test(arguments: ["true", "false"])
    func preferServerCipherSuitesIsTakenWithAWarning(value: String) throws {
        let text = """
            tls_server_config:
              cert_file: server.crt
              key_file: server.key
              prefer_server_cipher_suites: \(value)
            """
        let file = try WebFile.parse(Array(text.utf8), file: "f")
        #expect(file.security == Self.good["tls.yml"])
        #expect(
            file.warnings.map(\.description) == [
                "f:4: tls_server_config.prefer_server_cipher_suites: has no effect: the TLS library chooses the suite"
            ])
    }
}
