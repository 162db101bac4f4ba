// Stand-ins for the parts of other rooms and of libraries that the readers of files use.

/// Files that are nowhere but here: whatever a file under test names, nothing of the machine is read.
enum SmallFile {
    /// The key that most files hold, and the variable `KEY`.
    static let key = "4711|canary1234567890canary1234567890"

    static func read(_ path: String, limit: Int) throws(Problem) -> [UInt8] {
        if path.contains("missing") {
            throw Problem("cannot be opened: No such file or directory")
        }
        return path.contains("binary") ? [0xFF] : Array((path.contains("odd") ? " \(key) \(key)" : "\(key)\n").utf8)
    }
}

/// Has nothing against any file.
enum FileExposure {
    static func warning(_ path: String, isSecret: Bool) -> String? { nil }
}

extension TokenSource {
    var exposure: String? { nil }
}

/// Has none of the system's.
public struct SystemAuthorities: Sendable, Hashable {
    public init(environment: [String: String] = [:]) {}
}

/// The fault of a certificate or a key.
struct CertificateError {
    enum Setting {
        case certificate, key, clientCA
    }

    let setting: Setting
    let reason: String
}

/// Finds nothing: what certificates hold is not the readers' matter.
struct TLSInspection {
    let faults: [CertificateError] = []
    let warnings: [CertificateError] = []

    init(certificate: TLSOptions.PEM?, key: TLSOptions.PEM?, clientCA: TLSOptions.PEM?, now: Int) {}
}

public enum ConnectionPool {
    public struct Configuration: Sendable {
        var proxy: ProxySettings.Proxy?
        var isEncrypted: Bool
        var systemAuthorities: SystemAuthorities
        var caFile: String?
        var timeout: Duration
    }
}

public enum PhonePrivacy: String, Sendable, CaseIterable {
    case off, hash, full
}

public enum AccountState {
    /// Some of the labels that the metrics or the rules have themselves.
    static let reservedLabels: Set = ["account", "status", "reason", "job", "le"]
}

public enum StatusSet: String, Sendable, CaseIterable {
    case all, current
}

/// Header fields in the order in which they were added.
public struct Headers: Sequence, Sendable, Equatable, ExpressibleByDictionaryLiteral {
    private var names: [String] = []
    private var values: [String] = []

    public init(dictionaryLiteral elements: (String, String)...) {
        precondition(elements.isEmpty)
    }

    mutating func add(_ name: String, _ value: String) {
        names.append(name)
        values.append(value)
    }

    public func makeIterator() -> some IteratorProtocol<(name: String, value: String)> {
        zip(names, values).lazy.map { (name: $0, value: $1) }.makeIterator()
    }
}

/// Phone numbers are not read from files.
public struct MessageCode: Sendable {
    init(of message: [UInt8], key: [UInt8]) {}
}
