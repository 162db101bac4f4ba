import Basics
import NIOSSL

/// The faults of certificates and keys as they are found now, all at once.
public struct TLSInspection: Sendable, Equatable {
    /// The faults that keep them from being used.
    public private(set) var faults: [CertificateError] = []
    /// The certificates that are no longer valid, or not yet: no client would accept them.
    public private(set) var warnings: [CertificateError] = []

    /// Loads certificates and keys, and tries whether they fit at `now`, in seconds since 1970. Blocks on files.
    public init(certificate: TLSOptions.PEM?, key: TLSOptions.PEM?, clientCA: TLSOptions.PEM?, now: Int) {
        let chain = attempt(try certificate?.certificates(for: .certificate))
        let privateKey = attempt(try key?.privateKey())
        let authorities = attempt(try clientCA?.certificates(for: .clientCA))
        if let certificate, let chain, let key, let privateKey {
            _ = attempt(try TLSSetup.context(TLSSetup.configuration(chain, privateKey), certificate, key))
        }
        warn(of: chain, certificate, .certificate, now: now)
        warn(of: authorities, clientCA, .clientCA, now: now)
    }

    private mutating func attempt<Value>(_ make: @autoclosure () throws(CertificateError) -> Value?) -> Value? {
        do throws(CertificateError) {
            return try make()
        } catch {
            faults.append(error)
            return nil
        }
    }

    /// Warns of the first certificate that clients turn away: one is enough.
    private mutating func warn(
        of certificates: [NIOSSLCertificate]?, _ pem: TLSOptions.PEM?, _ setting: CertificateError.Setting, now: Int
    ) {
        guard let certificates, let pem else { return }
        if let old = certificates.first(where: { $0.notValidAfter < now }) {
            let date = UTCTime(Double(old.notValidAfter)).rfc3339
            warnings.append(pem.error(setting, "holds a certificate that has expired: it was valid until \(date)"))
        } else if let new = certificates.first(where: { $0.notValidBefore > now }) {
            let date = UTCTime(Double(new.notValidBefore)).rfc3339
            warnings.append(pem.error(setting, "holds a certificate that is not valid yet, but from \(date)"))
        }
    }
}
