import Glibc
import Logging
import NIOSSL
import Synchronization

@testable import HTTPServer

extension TLSOptions {
    /// The test server's certificate.
    static var server: TLSOptions {
        TLSOptions(certificate: .inline(Certificates.serverChain), key: .inline(Certificates.serverKey))
    }
}

extension WebSecurity {
    static func tls(_ change: (inout TLSOptions) -> Void = { _ in }) -> WebSecurity {
        var options = TLSOptions.server
        change(&options)
        var settings = WebSecurity()
        settings.tls = options
        return settings
    }
}

extension LiveSecurity {
    /// TLS with the test server's certificate.
    static func tls(_ change: (inout TLSOptions) -> Void = { _ in }) throws -> LiveSecurity {
        try LiveSecurity(.tls(change), logger: .silent)
    }
}

extension TLSConfiguration {
    /// A client that trusts the test server.
    static func client(_ change: (inout TLSConfiguration) throws -> Void = { _ in }) rethrows -> TLSConfiguration {
        var configuration = TLSConfiguration.makeClientConfiguration()
        configuration.trustRoots = .certificates(Certificates.parsed(Certificates.ca))
        configuration.minimumTLSVersion = .tlsv1
        try change(&configuration)
        return configuration
    }

    /// The same, showing a certificate of its own.
    static func client(showing certificate: String, key: String) throws -> TLSConfiguration {
        try client {
            $0.certificateChain = Certificates.parsed(certificate).map { .certificate($0) }
            $0.privateKey = .privateKey(try NIOSSLPrivateKey(bytes: Array(key.utf8), format: .pem))
        }
    }
}

extension Certificates {
    static func parsed(_ text: String) -> [NIOSSLCertificate] {
        (try? NIOSSLCertificate.fromPEMBytes(Array(text.utf8))) ?? []
    }
}

/// Keeps what is logged, by level.
final class LogBook: Sendable {
    private struct Handler: LogHandler {
        let book: LogBook
        var metadata: Logger.Metadata = [:]
        var logLevel = Logger.Level.trace

        subscript(metadataKey key: String) -> Logger.Metadata.Value? {
            get { metadata[key] }
            set { metadata[key] = newValue }
        }

        func log(event: LogEvent) {
            book.lines.withLock { $0.append((event.level, event.message.description)) }
        }
    }

    private let lines = Mutex<[(level: Logger.Level, text: String)]>([])

    var logger: Logger {
        Logger(label: "test") { _ in Handler(book: self) }
    }

    func count(_ level: Logger.Level) -> Int {
        lines.withLock { $0.count { $0.level == level } }
    }
}

struct Unwritable: Error {}

/// Puts a file in its place in one step, as tools that renew certificates do.
func put(_ text: String, at path: String, in directory: String) throws {
    guard let file = fopen("\(directory)/new", "w") else { throw Unwritable() }
    fputs(text, file)
    fclose(file)
    guard rename("\(directory)/new", path) == 0 else { throw Unwritable() }
}
