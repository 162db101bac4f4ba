import Basics
import HypersenderAPI

extension Settings {
    /// Reads where the instances come from; nil, with a problem, if that cannot be used.
    static func source(
        _ reading: inout Reading, isDemo: Bool, baseURL: BaseURL?, proxies: ProxySettings
    ) -> Source? {
        let tokenFile = reading.text("hypersender.token-file")
        let file = reading.text("config.file")
        if isDemo {
            for flag in ["hypersender.base-url", "hypersender.token-file", "config.file"] {
                if let place = reading.given.given(flag)?.place, place.hasPrefix("--") {
                    reading.report(place, "cannot be combined with --demo, which brings its own account")
                }
            }
            return .demo
        }
        if let given = reading.given.given("config.file") {
            if let place = reading.given.given("hypersender.token-file")?.place {
                reading.report(place, "cannot be combined with \(given.place), whose accounts name their own keys")
            }
            return file.map { .file(path: $0) }
        }
        let token = token(&reading, file: tokenFile)
        guard let url = reading.given.given("hypersender.base-url") == nil ? Default.apiURL : baseURL else {
            return nil
        }
        do throws(ProxyError) {
            _ = try proxies.proxy(for: url)
        } catch {
            reading.report("proxy", error.description)
        }
        return token.map { .api(baseURL: url, token: $0) }
    }

    private static func token(_ reading: inout Reading, file: String?) -> TokenSource? {
        let name = "HYPERSENDER_TOKEN"
        let fileIsFlag = reading.given.given("hypersender.token-file")?.place.hasPrefix("--") ?? false
        switch (reading.given.variable(name), file) {
        case (nil, nil):
            if reading.given.given("hypersender.token-file") == nil {
                // Of systemd's LoadCredential=.
                if let folder = reading.given.variable("CREDENTIALS_DIRECTORY") {
                    return .file(path: "\(folder)/token")
                }
                reading.report(
                    "token",
                    "no API key was given: set \(name), or point --hypersender.token-file (or HYPERSENDER_TOKEN_FILE) to a file"
                        + " that holds it, or --config.file to one that names several accounts; or look around first with"
                        + " --demo, which needs none")
            }
            return nil
        case (.some, let file?) where fileIsFlag:
            return .file(path: file)
        case (.some, .some):
            reading.report(name, "is set, and so is HYPERSENDER_TOKEN_FILE: set one of them")
            return nil
        case (let text?, nil):
            do {
                return .environment(name: name, try Secret(text))
            } catch {
                reading.report(name, error.description)
                return nil
            }
        case (nil, let file?):
            return .file(path: file)
        }
    }
}

extension GivenValues {
    /// The places of the system's certificate authorities, as the environment has them.
    var systemAuthorities: SystemAuthorities {
        var variables: [String: String] = [:]
        for name in ["SSL_CERT_FILE", "SSL_CERT_DIR"] {
            variables[name] = variable(name)
        }
        return SystemAuthorities(environment: variables)
    }

    /// The proxies that the environment names.
    var proxies: ProxySettings {
        var variables: [String: String] = [:]
        for name in ["HTTPS_PROXY", "HTTP_PROXY", "NO_PROXY"] {
            for spelling in [name, name.lowercased()] {
                variables[spelling] = variable(spelling)
            }
        }
        return ProxySettings(environment: variables)
    }
}
