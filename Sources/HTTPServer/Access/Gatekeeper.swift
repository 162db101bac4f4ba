/// Refuses requests by their head, answers those that may pass, and adds the configured fields to every response.
struct Gatekeeper: Sendable {
    /// `nil` for plain HTTP and everybody.
    let security: LiveSecurity?
    let handler: Handler

    /// Judges a request by its head. To be called once for each: it counts against the rate limit.
    func judge(_ request: Request) -> AccessDecision {
        switch security?.current.access.judge(request) ?? .allowed {
        case .allowed: .allowed
        case .refused(let response): .refused(finish(response))
        case .uncertain(let check): .uncertain { await check().map(finish) }
        }
    }

    /// Answers a request that was allowed.
    func answer(_ request: Request) -> Reply {
        switch handler(request) {
        case .now(let response): .now(finish(response))
        case .later(let make): .later { finish(await make()) }
        case .afterBody: .afterBody
        case .raw(let write): .raw(write)
        }
    }

    /// Answers malformed input with this status.
    func refuse(status: Int) -> Response {
        finish(.refusal(status: status))
    }

    private func finish(_ response: Response) -> Response {
        security?.current.access.finish(response) ?? response
    }
}
