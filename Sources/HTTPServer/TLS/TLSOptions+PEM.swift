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
    func certificates(for setting: CertificateError.Setting) -> Result<[NIOSSLCertificate], CertificateError> {
        read(for: setting).flatMap { bytes in
            let certificates = (try? NIOSSLCertificate.fromPEMBytes(bytes)) ?? []
            return certificates.isEmpty
                ? .failure(error(setting, "holds no certificate in PEM form")) : .success(certificates)
        }
    }

    /// Loads a private key. Blocks on the file.
    func privateKey() -> Result<NIOSSLPrivateKey, CertificateError> {
        read(for: .key).flatMap { bytes in
            let key = try? NIOSSLPrivateKey(bytes: bytes, format: .pem)
            return key.map { .success($0) }
                ?? .failure(error(.key, "holds no private key in PEM form, without a passphrase"))
        }
    }

    private func read(for setting: CertificateError.Setting) -> Result<[UInt8], CertificateError> {
        switch self {
        case .inline(let text):
            return .success(Array(text.utf8))
        case .file(let path):
            do {
                return .success(try SmallFile.read(path, limit: 1 << 20))
            } catch {
                return .failure(self.error(setting, error.description))
            }
        }
    }

    /// Returns an error whose reason begins with the place of the text.
    func error(_ setting: CertificateError.Setting, _ reason: String) -> CertificateError {
        let place =
            switch self {
            case .inline: "the text"
            case .file(let path): path
            }
        return CertificateError(setting: setting, reason: "\(place) \(reason)")
    }
}
