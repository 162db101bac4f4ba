import Basics
import NIOSSL

/// The faults of certificates and keys as they are found now, all at once.
public struct TLSInspection: Sendable, Equatable {
    /// The faults that keep them from being used.
    public private(set) var faults: [CertificateError] = []
    /// The certificates that are no longer valid, or not yet: no client would accept them.
    public private(set) var warnings: [CertificateError] = []

    /// Loads the given certificates and keys, and tries whether they fit together. Blocks on files.
    ///
    /// - Parameter now: in seconds since 1970.
    public init(certificate: TLSOptions.PEM?, key: TLSOptions.PEM?, clientCA: TLSOptions.PEM?, now: Int) {
        let chain = value(of: certificate?.certificates(for: .certificate))
        let privateKey = value(of: key?.privateKey())
        let authorities = value(of: clientCA?.certificates(for: .clientCA))
        if let certificate, let chain, let key, let privateKey {
            do throws(CertificateError) {
                _ = try TLSSetup.context(TLSSetup.configuration(chain, privateKey), certificate, key)
            } catch {
                faults.append(error)
            }
        }
        for (certificates, pem, setting) in [
            (chain, certificate, CertificateError.Setting.certificate), (authorities, clientCA, .clientCA),
        ] {
            // One is enough for clients to turn away.
            if let old = certificates?.first(where: { $0.notValidAfter < now }) {
                let date = UTCTime(Double(old.notValidAfter)).httpDate
                warn(pem, setting, "has expired: it was valid until \(date)")
            } else if let new = certificates?.first(where: { $0.notValidBefore > now }) {
                let date = UTCTime(Double(new.notValidBefore)).httpDate
                warn(pem, setting, "is not valid yet, but from \(date)")
            }
        }
    }

    private mutating func value<Value>(of result: Result<Value, CertificateError>?) -> Value? {
        if case .failure(let fault)? = result {
            faults.append(fault)
        }
        return try? result?.get()
    }

    private mutating func warn(_ pem: TLSOptions.PEM?, _ setting: CertificateError.Setting, _ reason: String) {
        warnings += [pem?.error(setting, "holds a certificate that \(reason)")].compactMap(\.self)
    }
}
