import Glibc
import HTTPServer
import Synchronization

/// The simulated API: a simulation behind a lock, with a clock, and the lists rendered from it.
final class SimulatedAPI: Sendable {
    /// The lists rendered since the account last changed.
    private struct Renderings {
        var version = 0
        var lists: [Key: RenderedList] = [:]

        struct Key: Hashable {
            let query: ListQuery
            /// The address of the list, for the links of a page.
            let url: String
        }
    }

    private struct RenderedList {
        let body: Body
        let entityTag: String
    }

    private let simulation: Mutex<Simulation>
    private let renderings = Mutex(Renderings())
    private let configuration: SimulatorConfiguration
    private let start = ContinuousClock.now

    init(_ configuration: SimulatorConfiguration, token: String) {
        self.configuration = configuration
        simulation = Mutex(Simulation(configuration, token: token))
    }

    private var elapsed: Duration { configuration.elapsed?() ?? start.duration(to: .now) }

    func update<Result: Sendable>(_ body: (inout Simulation, Duration) -> Result) -> Result {
        let now = elapsed
        return simulation.withLock { body(&$0, now) }
    }

    /// Every instance as the next answer will show it.
    var instances: [SimulatedInstance] {
        present.account.instances
    }

    private var present: (account: SimulatedAccount, version: Int) {
        update { simulation, now in
            simulation.advance(to: now)
            return (simulation.account, simulation.version)
        }
    }

    func reply(to request: Request) -> Reply {
        guard !request.awaitsBody else { return .afterBody }
        do {
            switch try SimulatorRequest(request) {
            case .list: return try list(request)
            case .loginPage: return .now(.html("<!DOCTYPE html>\n<title>Log in</title>\n<p>Please log in.</p>\n"))
            case .help: return .now(.text(SimulatorRequest.controls))
            case .faultKinds: return .now(.text(Fault.help))
            case let control:
                let outcome = update { simulation, now in
                    Result { () throws(RefusedRequest) in try simulation.perform(control, now: now) }
                }
                return .now(try outcome.get())
            }
        } catch {
            return .now(error.response)
        }
    }

    private func list(_ request: Request) throws(RefusedRequest) -> Reply {
        let unixTime = Int(time(nil))
        let decision = update { simulation, now in
            Result { () throws(RefusedRequest) in try simulation.decide(request, now: now, unixTime: unixTime) }
        }
        switch try decision.get() {
        case .fault(let fault): return fault.reply(list: ListForm.array(instances))
        case .list(let query, let rate): return .later { self.response(to: request, query, rate) }
        }
    }

    private func response(to request: Request, _ query: ListQuery, _ rate: RateLimiter.Decision) -> Response {
        let list = list(query, url: "http://\(request.headers["Host"] ?? "localhost")\(request.path)")
        var headers = rate.headers
        headers.add("Cache-Control", "no-cache, private")
        if configuration.entityTags {
            headers.add("ETag", list.entityTag)
            if Self.isKnown(list.entityTag, to: request) { return Response(status: 304, headers: headers) }
        }
        headers.add("Content-Type", "application/json")
        return Response(status: 200, headers: headers, body: list.body)
    }

    /// Returns a list, rendered once for all who ask for it before the account changes.
    private func list(_ query: ListQuery, url: String) -> RenderedList {
        let form = configuration.form
        let key = Renderings.Key(query: query, url: form.isPaged ? url : "")
        return renderings.withLock { renderings in
            let (account, version) = present
            // Filters come from clients: their number must not be theirs to choose.
            if renderings.version != version || renderings.lists.count >= 32 {
                renderings = Renderings(version: version)
            }
            if let list = renderings.lists[key] { return list }
            let instances = account.instances
            let matching = query.filters.isEmpty ? instances : instances.filter(query.matches)
            let bytes = form.render(matching, query: query, url: url)
            let list = RenderedList(
                body: Body(bytes), entityTag: configuration.entityTags ? Self.entityTag(of: bytes) : "")
            renderings.lists[key] = list
            return list
        }
    }

    private static func entityTag(of bytes: [UInt8]) -> String {
        var hasher = Hasher()
        bytes.withUnsafeBytes { hasher.combine(bytes: $0) }
        return "\"\(String(UInt(bitPattern: hasher.finalize()), radix: 16))\""
    }

    /// Whether the request has the list with this entity tag already (RFC 9110, section 13.1.2).
    private static func isKnown(_ entityTag: String, to request: Request) -> Bool {
        guard let condition = request.headers["If-None-Match"] else { return false }
        return condition == "*"
            || condition.split(separator: ",").contains { tag in
                let tag = tag.drop { $0 == " " }
                return (tag.hasPrefix("W/") ? tag.dropFirst(2) : tag) == entityTag
            }
    }
}
