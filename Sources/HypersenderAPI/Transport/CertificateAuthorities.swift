import Basics
import Glibc
import NIOSSL

/// The places of the system's certificate authorities.
///
/// As OpenSSL and Go do it, `SSL_CERT_FILE` and `SSL_CERT_DIR` each replace the places of their kind.
public struct SystemAuthorities: Sendable, Hashable {
    /// The files to read, of which the first that exists is taken.
    var files = [
        "/etc/ssl/certs/ca-certificates.crt", "/etc/pki/tls/certs/ca-bundle.crt", "/etc/ssl/ca-bundle.pem",
        "/etc/pki/ca-trust/extracted/pem/tls-ca-bundle.pem", "/etc/ssl/cert.pem",
    ]
    /// The folders whose files are read if no file was found, or if they were asked for.
    var folders = ["/etc/ssl/certs", "/etc/pki/tls/certs"]
    /// Whether `SSL_CERT_FILE` or `SSL_CERT_DIR` is set.
    private(set) var isFileGiven = false
    private(set) var isFolderGiven = false

    /// The usual places.
    public init() {}

    /// Reads the environment.
    public init(environment: [String: String]) {
        if let file = environment["SSL_CERT_FILE"], !file.isEmpty {
            files = [file]
            isFileGiven = true
        }
        if let list = environment["SSL_CERT_DIR"], !list.isEmpty {
            folders = list.split(separator: ":").map(String.init)
            isFolderGiven = true
        }
    }
}

/// The certificate authorities that are trusted: the system's and those of a file.
package struct CertificateAuthorities: Sendable, Hashable {
    /// Those that were read.
    private(set) var certificates: [NIOSSLCertificate] = []
    /// A folder of further ones, looked up by the hash of their name as they are needed.
    private var folder: String?
    /// The problems of the places that the environment names.
    package private(set) var problems: [Problem] = []

    /// A place that cannot be used.
    package struct Problem: Sendable, Hashable {
        /// The environment variable that names it.
        package let place: String
        package let problem: String
    }

    /// The largest file that is read, in bytes.
    private static let maximumFileSize = 16 << 20

    /// Whether no certificate can be verified.
    package var isEmpty: Bool { certificates.isEmpty && folder == nil }

    /// Reads the authorities. Blocks.
    ///
    /// - Parameters:
    ///   - system: Where the system's are; what cannot be used of them is left out.
    ///   - file: A PEM file of further ones.
    /// - Throws: `ClientSetupError`, with the path of `file`.
    package init(system: SystemAuthorities, file: String?) throws(ClientSetupError) {
        if let file {
            certificates = try Self.read(file)
        }
        let hasBundle = readFile(system)
        readFolders(system, hasBundle: hasBundle)
    }

    /// - Returns: Whether there is a file that can be used.
    private mutating func readFile(_ system: SystemAuthorities) -> Bool {
        for file in system.files {
            do {
                certificates += try Self.read(file)
                return true
            } catch {
                if system.isFileGiven {
                    problems.append(Problem(place: "SSL_CERT_FILE", problem: error.description))
                }
            }
        }
        return false
    }

    private mutating func readFolders(_ system: SystemAuthorities, hasBundle: Bool) {
        // The system's bundle has all that is in its folder, but for what was added to the folder by hand.
        if hasBundle, !system.isFolderGiven, let usual = system.folders.first(where: Self.isFolder) {
            folder = usual
            return
        }
        var found: [NIOSSLCertificate] = []
        // The same authority often has several names there.
        var known: Set<NIOSSLCertificate> = []
        for folder in system.folders {
            for name in Self.names(in: folder) {
                found += ((try? Self.read("\(folder)/\(name)")) ?? []).filter { known.insert($0).inserted }
            }
        }
        if system.isFolderGiven, found.isEmpty {
            problems.append(
                Problem(
                    place: "SSL_CERT_DIR",
                    problem: "there is no PEM file of certificates in \(system.folders.joined(separator: ":"))"))
        }
        certificates += found
    }

    private static func read(_ file: String) throws(ClientSetupError) -> [NIOSSLCertificate] {
        let certificates: [NIOSSLCertificate]
        do {
            let bytes = try SmallFile.read(file, limit: maximumFileSize)
            certificates = try NIOSSLCertificate.fromPEMBytes(bytes)
        } catch let problem as FileProblem {
            throw ClientSetupError("the file \(file) \(problem)")
        } catch {
            throw ClientSetupError("the file \(file) is not a PEM file of certificates")
        }
        guard !certificates.isEmpty else {
            throw ClientSetupError("the file \(file) holds no certificate")
        }
        return certificates
    }

    private static func isFolder(_ path: String) -> Bool {
        var status = stat()
        return stat(path, &status) == 0 && status.st_mode & S_IFMT == S_IFDIR
    }

    /// The names of a folder's entries in the order of the alphabet; none if it cannot be read.
    private static func names(in folder: String) -> [String] {
        guard let stream = opendir(folder) else {
            return []
        }
        defer { closedir(stream) }
        var names: [String] = []
        while let entry = readdir(stream) {
            let name = withUnsafePointer(to: &entry.pointee.d_name) { pointer in
                pointer.withMemoryRebound(to: CChar.self, capacity: Int(NAME_MAX) + 1) { String(cString: $0) }
            }
            if !name.hasPrefix(".") {
                names.append(name)
            }
        }
        return names.sorted()
    }

    /// Sets up TLS for a client that trusts these authorities. Blocks.
    ///
    /// - Throws: `ClientSetupError`.
    func makeContext() throws(ClientSetupError) -> NIOSSLContext {
        var tls = TLSConfiguration.makeClientConfiguration()
        tls.minimumTLSVersion = .tlsv12
        tls.applicationProtocols = ["http/1.1"]
        // The other way round the library would read the folder as a file.
        tls.trustRoots = folder.map { .file($0) } ?? .certificates([])
        tls.additionalTrustRoots = [.certificates(certificates)]
        do {
            return try NIOSSLContext(configuration: tls)
        } catch {
            throw ClientSetupError("TLS cannot be set up: \(error)")
        }
    }
}
