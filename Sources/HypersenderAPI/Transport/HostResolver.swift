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
    /// The resolver of the process.
    static let shared = HostResolver()

    private let lookUp: @Sendable (String) throws -> [String]
    /// The number of lookups at a time: threads are scarce where a service or container limits them.
    static let maximumLookups = 64

    /// The lookups in flight, by name.
    private let lookups = Mutex<[String: EventLoopFuture<[String]>]>([:])

    /// - Parameter lookUp: Returns the addresses of a name in the order of preference; may block.
    init(lookUp: @escaping @Sendable (String) throws -> [String] = HostResolver.system) {
        self.lookUp = lookUp
    }

    /// Returns the addresses of a host; an address stands for itself.
    ///
    /// - Throws: `HostNotResolved`, also if the calling task is cancelled first.
    func addresses(of host: String) async throws -> [String] {
        if IPAddress(host) != nil { return [host] }
        let late = HostNotResolved(host: host, reason: "there was no answer within the poll timeout")
        return try await lookup(of: host).value(orThrow: late)
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
                let answer = Result { try lookUp(host) }
                self.lookups.withLock { $0[host] = nil }
                promise.completeWith(answer)
            }
            return promise.futureResult
        }
    }

    /// Asks the C library, which reads /etc/hosts and asks the name servers. Blocks.
    @Sendable static func system(_ host: String) throws -> [String] {
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
        if !addresses.isEmpty { return addresses }
        let reason =
            switch code {
            // -5 is EAI_NODATA: there is such a name, but no address.
            case 0, EAI_NONAME, -5: "it is unknown"
            case EAI_AGAIN: "no name server answers, or all of them fail"
            default: String(cString: gai_strerror(code))
            }
        throw HostNotResolved(host: host, reason: reason)
    }
}

/// Thrown if a host name has no address.
struct HostNotResolved: Error, Equatable {
    let host: String
    /// A sentence without a period.
    let reason: String
}
