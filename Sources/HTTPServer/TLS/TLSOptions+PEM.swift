import Basics
import NIOSSL

extension TLSOptions {
    /// The fingerprints of the files that the options name; `nil` if there is none.
    var fingerprints: [FileFingerprint?] {
        [certificate, key, clients?.authority].map { pem in
            if case .file(let path)? = pem { FileFingerprint(path: path) } else { nil }
        }
    }
}

extension TLSOptions.PEM {
    /// Loads certificates, at least one. Blocks on the file.
    func certificates(for setting: CertificateError.Setting) throws(CertificateError) -> [NIOSSLCertificate] {
        let bytes = try read(for: setting)
        guard let certificates = try? NIOSSLCertificate.fromPEMBytes(bytes), !certificates.isEmpty else {
            throw error(setting, "holds no certificate in PEM form")
        }
        return certificates
    }

    /// Loads a private key. Blocks on the file.
    func privateKey() throws(CertificateError) -> NIOSSLPrivateKey {
        let bytes = try read(for: .key)
        guard let key = try? NIOSSLPrivateKey(bytes: bytes, format: .pem) else {
            throw error(.key, "holds no private key in PEM form, without a passphrase")
        }
        return key
    }

    private func read(for setting: CertificateError.Setting) throws(CertificateError) -> [UInt8] {
        switch self {
        case .inline(let text):
            return Array(text.utf8)
        case .file(let path):
            do {
                return try SmallFile.read(path, limit: 1 << 20)
            } catch {
                throw self.error(setting, error.description)
            }
        }
    }

    /// Returns an error whose reason begins with the place of the text.
    func error(_ setting: CertificateError.Setting, _ reason: String) -> CertificateError {
        let place = if case .file(let path) = self { path } else { "the text" }
        return CertificateError(setting: setting, reason: "\(place) \(reason)")
    }
}

/// The reason why a certificate or a key cannot be used.
public struct CertificateError: Error, Equatable, CustomStringConvertible {
    /// The PEM text at fault.
    public enum Setting: String, Sendable {
        /// The server's own.
        case certificate, key
        /// The certificate of the authority that vouches for clients.
        case clientCA = "client CA"
    }

    /// The PEM text at fault.
    public let setting: Setting

    /// The fault, with the name of the file if there is one. Never quotes the text.
    public let reason: String

    public var description: String { "\(setting.rawValue): \(reason)" }
}
