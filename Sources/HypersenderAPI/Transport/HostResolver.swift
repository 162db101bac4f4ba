import Basics
import Dispatch
import Glibc
import NIOCore
import Synchronization

/// Resolves host names with the system's resolver, each on a thread of its own.
///
/// `getaddrinfo` blocks and cannot be cancelled. A name that is never answered occupies its thread until the system
/// gives up; it delays no other name, and those who ask for it meanwhile wait for the lookup in flight.
final class HostResolver: Sendable {
    /// The addresses of a name in the order of preference, or the reason why there are none.
    typealias Answer = Result<[String], HostNotResolved>

    /// The resolver of the process.
    static let shared = HostResolver()

    private let lookUp: @Sendable (String) -> Answer
    /// The number of lookups at a time: threads are scarce where a service or container limits them.
    static let maximumLookups = 64

    /// The lookups in flight, by name.
    private let lookups = Mutex<[String: EventLoopFuture<[String]>]>([:])

    /// - Parameter lookUp: Looks up one name; may block.
    init(lookUp: @escaping @Sendable (String) -> Answer = HostResolver.system) {
        self.lookUp = lookUp
    }

    /// Returns the addresses of a host; an address stands for itself.
    ///
    /// - Throws: `HostNotResolved`, also if the calling task is cancelled first.
    func addresses(of host: String) async throws -> [String] {
        if IPAddress(host) != nil { return [host] }
        return try await lookup(of: host).value(
            orThrow: HostNotResolved(host: host, reason: HostNotResolved.noAnswerInTime))
    }

    private func lookup(of host: String) -> EventLoopFuture<[String]> {
        lookups.withLock { lookups in
            if let lookup = lookups[host] { return lookup }
            let promise = PollingLoop.shared.loop.makePromise(of: [String].self)
            guard lookups.count < Self.maximumLookups else {
                promise.fail(HostNotResolved(host: host, reason: "too many other names are being resolved"))
                return promise.futureResult
            }
            lookups[host] = promise.futureResult
            DispatchQueue(label: "resolver").async { [self] in
                let answer = lookUp(host)
                self.lookups.withLock { $0[host] = nil }
                promise.completeWith(answer.mapError { $0 })
            }
            return promise.futureResult
        }
    }

    /// Asks the C library, which reads /etc/hosts and asks the name servers. Blocks.
    @Sendable static func system(_ host: String) -> Answer {
        var hints = addrinfo()
        hints.ai_socktype = CInt(SOCK_STREAM.rawValue)
        var list: UnsafeMutablePointer<addrinfo>?
        let code = getaddrinfo(host, nil, &hints, &list)
        defer { list.map(freeaddrinfo) }
        var addresses: [String] = []
        var next = list
        while let entry = next?.pointee {
            var text = [CChar](repeating: 0, count: Int(NI_MAXHOST))
            if getnameinfo(entry.ai_addr, entry.ai_addrlen, &text, socklen_t(text.count), nil, 0, NI_NUMERICHOST) == 0 {
                addresses.append(String(decoding: text.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self))
            }
            next = entry.ai_next
        }
        if !addresses.isEmpty { return .success(addresses) }
        let reason =
            switch code {
            // -5 is EAI_NODATA: there is such a name, but no address.
            case 0, EAI_NONAME, -5: HostNotResolved.unknown
            case EAI_AGAIN: HostNotResolved.noServer
            default: String(cString: gai_strerror(code))
            }
        return .failure(HostNotResolved(host: host, reason: reason))
    }
}

/// Thrown if a host name has no address.
struct HostNotResolved: Error, Equatable {
    let host: String
    /// A sentence without a period.
    let reason: String

    static let unknown = "it is unknown"
    static let noServer = "no name server answers, or all of them fail"
    static let noAnswerInTime = "there was no answer within the poll timeout"
}
