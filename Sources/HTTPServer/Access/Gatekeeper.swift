/// Decides about each request by its head, before a body is read, and answers those that may pass.
///
/// Every response gets the header fields of the security settings in force.
struct Gatekeeper: Sendable {
    enum Verdict: Sendable {
        case allowed
        case refused(Response)
        /// A password must be checked first; the check returns the refusal, nil if the request is allowed.
        case uncertain(@Sendable () async -> Response?)
    }

    /// Nil for plain HTTP and everybody.
    let security: LiveSecurity?
    let refusal: Refusal
    let handler: Handler

    /// Judges a request by its head. To be called once for each: it counts against the rate limit.
    func judge(_ request: Request) -> Verdict {
        guard let access = security?.current.access else {
            return refusal(request).map { .refused($0) } ?? .allowed
        }
        switch access.judge(request) {
        case .allowed:
            return refusal(request).map { .refused(access.finish($0)) } ?? .allowed
        case .refused(let response):
            return .refused(access.finish(response))
        case .uncertain(let credentials, let hash, let isUser):
            return .uncertain {
                let refused = await access.check(credentials, hash, isUser: isUser, for: request)
                return (refused ?? refusal(request)).map(access.finish)
            }
        }
    }

    /// Answers a request that was allowed.
    func answer(_ request: Request) -> Reply {
        switch handler(request) {
        case .now(let response): .now(finish(response))
        case .later(let make): .later { finish(await make()) }
        }
    }

    /// Answers what does not become a request, by its status.
    func refuse(status: Int) -> Response {
        finish(.refusal(status: status))
    }

    private func finish(_ response: Response) -> Response {
        security?.current.access.finish(response) ?? response
    }
}
