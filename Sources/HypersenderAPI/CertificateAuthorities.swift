import NIOSSL

/// Certificate authorities to trust besides the system's, as a file named them when it was read.
package struct CertificateAuthorities: Sendable, Hashable {
    let certificates: [NIOSSLCertificate]

    /// Reads a PEM file. Blocks.
    ///
    /// - Throws: `ClientSetupError`, with the file's path.
    package init(file: String) throws(ClientSetupError) {
        do {
            let bytes = try SmallFile.read(file, limit: 16 << 20)
            certificates = try NIOSSLCertificate.fromPEMBytes(bytes)
        } catch let problem as SmallFile.FileProblem {
            throw ClientSetupError("the file \(file) \(problem)")
        } catch {
            throw ClientSetupError("the file \(file) is not a PEM file of certificates")
        }
        guard !certificates.isEmpty else {
            throw ClientSetupError("the file \(file) holds no certificate")
        }
    }
}
