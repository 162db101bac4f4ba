import Basics
import NIOSSL

/// What is to be said of certificates and keys as they are found now, every fault at once.
public struct TLSInspection: Sendable, Equatable {
    /// What keeps them from being used.
    public private(set) var faults: [WebSecurityError] = []
    /// What works, but lets no client in: certificates that are no longer valid, or not yet.
    public private(set) var warnings: [WebSecurityError] = []

    /// Reads what is given, and tries whether it fits together. Blocks on files.
    ///
    /// - Parameter now: in seconds since 1970.
    public init(certificate: TLSOptions.PEM?, key: TLSOptions.PEM?, clientCA: TLSOptions.PEM?, now: Int) {
        let chain = attempt { () throws(WebSecurityError) in
            try certificate.map { (pem) throws(WebSecurityError) in
                try TLSSetup.certificates(in: pem, for: .certificate)
            }
        }
        let privateKey = attempt { () throws(WebSecurityError) in
            try key.map { (pem) throws(WebSecurityError) in try TLSSetup.key(in: pem) }
        }
        let authorities = attempt { () throws(WebSecurityError) in
            try clientCA.map { (pem) throws(WebSecurityError) in
                try TLSSetup.certificates(in: pem, for: .clientCA)
            }
        }
        if let certificate, let chain, let key, let privateKey {
            let configuration = TLSConfiguration.makeServerConfiguration(
                certificateChain: chain.map { .certificate($0) }, privateKey: .privateKey(privateKey))
            _ = attempt { () throws(WebSecurityError) in try TLSSetup.context(configuration, certificate, key) }
        }
        if let certificate, let chain {
            judge(chain, of: certificate, .certificate, now: now)
        }
        if let clientCA, let authorities {
            judge(authorities, of: clientCA, .clientCA, now: now)
        }
    }

    private mutating func attempt<Value>(_ load: () throws(WebSecurityError) -> Value?) -> Value? {
        do {
            return try load()
        } catch {
            faults.append(error)
            return nil
        }
    }

    private mutating func judge(
        _ certificates: [NIOSSLCertificate], of pem: TLSOptions.PEM, _ setting: WebSecurityError.Setting, now: Int
    ) {
        // One is enough for clients to turn away.
        if let old = certificates.first(where: { $0.notValidAfter < now }) {
            let date = UTCTime(Double(old.notValidAfter)).httpDate
            warnings.append(pem.fault(setting, "holds a certificate that has expired: it was valid until \(date)"))
        } else if let new = certificates.first(where: { $0.notValidBefore > now }) {
            let date = UTCTime(Double(new.notValidBefore)).httpDate
            warnings.append(pem.fault(setting, "holds a certificate that is not valid yet, but from \(date)"))
        }
    }
}
