package import Basics
import FoundationEssentials
import NIOSSL

/// The places of the system's certificate authorities.
///
/// As with OpenSSL and Go, `SSL_CERT_FILE` and `SSL_CERT_DIR` each replace the places of their kind.
public struct SystemAuthorities: Sendable, Hashable {
    /// The files to read, of which the first that exists is taken.
    var files = [
        "/etc/ssl/certs/ca-certificates.crt", "/etc/pki/tls/certs/ca-bundle.crt", "/etc/ssl/ca-bundle.pem",
        "/etc/pki/ca-trust/extracted/pem/tls-ca-bundle.pem", "/etc/ssl/cert.pem",
    ]
    /// The folders whose files are read if no file was found, or if the environment names them.
    var folders = ["/etc/ssl/certs", "/etc/pki/tls/certs"]
    private(set) var isFileGiven = false
    private(set) var isFolderGiven = false

    /// Takes the places that the environment names, else the usual ones.
    public init(environment: [String: String] = [:]) {
        if let file = environment["SSL_CERT_FILE"], !file.isEmpty { (files, isFileGiven) = ([file], true) }
        if let list = environment["SSL_CERT_DIR"], !list.isEmpty {
            (folders, isFolderGiven) = (list.split(separator: ":").map(String.init), true)
        }
    }
}

/// The certificate authorities that are trusted: the system's and those of a file.
package struct CertificateAuthorities: Sendable, Hashable {
    private var certificates: [NIOSSLCertificate] = []
    /// A folder of further ones, which are looked up by the hash of their name as they are needed.
    private var folder: String?
    /// The problems of the places that the environment names.
    package private(set) var problems: [UnusablePlace] = []

    /// A place that cannot be used, by the environment variable that names it.
    package struct UnusablePlace: Sendable, Hashable {
        package let place: String
        package let problem: String
    }

    /// Whether no certificate can be verified.
    package var isEmpty: Bool { certificates.isEmpty && folder == nil }

    /// Reads the authorities. Blocks.
    ///
    /// - Parameters:
    ///   - system: The places of the system's; those that cannot be read are left out.
    ///   - file: A PEM file of further ones.
    /// - Throws: `Problem`, with the path of `file`.
    package init(system: SystemAuthorities, file: String?) throws(Problem) {
        if let file { certificates = try Self.read(file) }
        var hasBundle = false
        for bundle in system.files where !hasBundle {
            do {
                certificates += try Self.read(bundle)
                hasBundle = true
            } catch {
                if system.isFileGiven {
                    problems.append(UnusablePlace(place: "SSL_CERT_FILE", problem: error.description))
                }
            }
        }
        // The system's bundle has all that is in its folder, except what was added to the folder by hand.
        if hasBundle, !system.isFolderGiven, let usual = system.folders.first(where: { Self.names(in: $0) != nil }) {
            folder = usual
            return
        }
        // The same authority often has several names there.
        var known: Set<NIOSSLCertificate> = []
        for folder in system.folders {
            for name in Self.names(in: folder) ?? [] {
                certificates += ((try? Self.read("\(folder)/\(name)")) ?? []).filter { known.insert($0).inserted }
            }
        }
        if system.isFolderGiven, known.isEmpty {
            let list = system.folders.joined(separator: ":")
            problems.append(
                UnusablePlace(place: "SSL_CERT_DIR", problem: "there is no PEM file of certificates in \(list)"))
        }
    }

    private static func read(_ file: String) throws(Problem) -> [NIOSSLCertificate] {
        let certificates: [NIOSSLCertificate]
        do {
            certificates = try NIOSSLCertificate.fromPEMBytes(SmallFile.read(file, limit: 16 << 20))
        } catch let problem as Problem {
            throw Problem("the file \(file) \(problem)")
        } catch {
            throw Problem("the file \(file) is not a PEM file of certificates")
        }
        guard !certificates.isEmpty else { throw Problem("the file \(file) holds no certificate") }
        return certificates
    }

    /// The names of a folder's visible entries in alphabetical order; `nil` if it cannot be read.
    private static func names(in folder: String) -> [String]? {
        try? FileManager.default.contentsOfDirectory(atPath: folder).filter { !$0.hasPrefix(".") }.sorted()
    }

    /// Sets up TLS for a client that trusts these authorities. Blocks.
    ///
    /// - Throws: `Problem`.
    func makeContext() throws(Problem) -> NIOSSLContext {
        var tls = TLSConfiguration.makeClientConfiguration()
        tls.minimumTLSVersion = .tlsv12
        tls.applicationProtocols = ["http/1.1"]
        // The other way round the library would read the folder as a file.
        tls.trustRoots = folder.map { .file($0) } ?? .certificates([])
        tls.additionalTrustRoots = [.certificates(certificates)]
        do {
            return try NIOSSLContext(configuration: tls)
        } catch {
            throw Problem("TLS cannot be set up: \(error)")
        }
    }
}
