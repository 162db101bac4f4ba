import Glibc
import HTTPServer
import Synchronization

/// The simulation behind a lock, with a clock: what the handler of the server and the methods of `SimulatorServer` share.
final class SimulatorCore: Sendable {
    private struct Waiter {
        let count: Int
        let continuation: CheckedContinuation<Void, Never>
    }

    private struct State {
        var simulation: Simulation
        var waiters: [Int: Waiter] = [:]
        var nextWaiter = 0
    }

    private let state: Mutex<State>
    private let elapsed: @Sendable () -> Duration
    private let renderer = Renderer()

    init(_ configuration: SimulatorServer.Configuration, token: String) {
        let start = ContinuousClock.now
        elapsed = configuration.elapsed ?? { start.duration(to: .now) }
        state = Mutex(
            State(
                simulation: Simulation(
                    account: SimulatedAccount(instances: configuration.instances, seed: configuration.seed),
                    token: token, form: configuration.form, entityTags: configuration.entityTags,
                    pace: configuration.changes ? configuration.pace : 0,
                    rate: RequestRate(
                        limit: configuration.rateLimit ?? 1000, isEnforced: configuration.rateLimit != nil),
                    fault: configuration.fault)))
    }

    func update<Result: Sendable>(_ body: (inout Simulation) -> Result) -> Result {
        state.withLock { body(&$0.simulation) }
    }

    var instances: [SimulatedInstance] {
        let now = elapsed()
        return update { $0.snapshot(now: now) }.account.instances
    }

    func account<Result: Sendable>(_ body: (inout SimulatedAccount) -> Result) -> Result {
        let now = elapsed()
        return state.withLock { $0.simulation.update(now: now, body) }
    }

    // MARK: Requests

    func reply(to request: Request) -> Reply {
        let route = Route(method: request.method, path: request.path)
        switch route {
        case .list: return list(request)
        case .loginPage: return .now(.html("<!DOCTYPE html>\n<title>Log in</title>\n<p>Please log in.</p>\n"))
        case .help: return .now(.text(Route.controls))
        case .faultKinds: return .now(.text(Fault.help))
        case .notFound: return .now(.message(404, "Not found."))
        case .methodNotAllowed(let methods):
            let allowed = methods.joined(separator: ", ")
            let message = "The method \(request.method) is not allowed here. Allowed: \(allowed)."
            var response = Response.message(405, message)
            response.headers.add("Allow", allowed)
            return .now(response)
        case .currentFault, .setFault, .clearFault, .requests, .addInstances, .setStatus, .removeInstance:
            return .now(control(route, request))
        }
    }

    private func control(_ route: Route, _ request: Request) -> Response {
        do {
            guard let control = try ControlRequest(route, request.queryItems()) else {
                return .message(404, "Not found.")
            }
            let now = elapsed()
            return update { $0.perform(control, now: now) }
        } catch {
            return .message(400, error.message)
        }
    }

    private func list(_ request: Request) -> Reply {
        let now = elapsed()
        let unixTime = Int(time(nil))
        let (verdict, list) = state.withLock { state -> (Simulation.Verdict, RenderedList?) in
            let verdict = state.simulation.decide(request, now: now, unixTime: unixTime)
            guard case .page(let page, _) = verdict else { return (verdict, nil) }
            return (verdict, state.simulation.list(page, now: now))
        }
        resumeWaiters()
        switch verdict {
        case .refused(let response): return .now(response)
        case .fault(let fault):
            return .later { await fault.response(list: ListForm.array(self.instances)) }
        case .page(let page, let rate):
            if let list {
                return .now(Self.response(list, to: request, rate))
            }
            return .later {
                Self.response(await self.renderer.run { self.render(page, now: now) }, to: request, rate)
            }
        }
    }

    /// Does one thing after the other, so that clients who ask at once wait for one rendering instead of each their own.
    private actor Renderer {
        func run(_ render: @Sendable () -> RenderedList) -> RenderedList { render() }
    }

    /// Renders outside the lock: a hundred thousand instances take a while, and others are answered meanwhile.
    private func render(_ page: Simulation.Page, now: Duration) -> RenderedList {
        if let list = update({ $0.list(page, now: now) }) { return list }
        let snapshot = update { $0.snapshot(now: now) }
        let list = snapshot.render(page)
        update { $0.keep(list, of: page, from: snapshot) }
        return list
    }

    private static func response(
        _ list: RenderedList, to request: Request, _ rate: RequestRate.Verdict
    ) -> Response {
        var headers: Headers = ["Cache-Control": "no-cache, private"]
        headers.addRate(rate)
        if let tag = list.entityTag { headers.add("ETag", tag) }
        if list.isKnown(to: request.headers) {
            return Response(status: 304, headers: headers)
        }
        headers.add("Content-Type", "application/json")
        return Response(status: 200, headers: headers, body: list.body)
    }

    // MARK: Waiting

    func waitForRequests(_ count: Int) async {
        let id = state.withLock { state in
            state.nextWaiter += 1
            return state.nextWaiter
        }
        await withTaskCancellationHandler {
            await withCheckedContinuation { continuation in
                let isDone = state.withLock { state in
                    // A task cancelled before this point has had its handler run already: nobody would resume it.
                    if state.simulation.log.count >= count || Task.isCancelled { return true }
                    state.waiters[id] = Waiter(count: count, continuation: continuation)
                    return false
                }
                if isDone { continuation.resume() }
            }
        } onCancel: {
            state.withLock { $0.waiters.removeValue(forKey: id) }?.continuation.resume()
        }
    }

    private func resumeWaiters() {
        let due = state.withLock { state in
            let due = state.waiters.filter { $0.value.count <= state.simulation.log.count }
            for id in due.keys { state.waiters[id] = nil }
            return due.values.map(\.continuation)
        }
        for continuation in due { continuation.resume() }
    }
}
