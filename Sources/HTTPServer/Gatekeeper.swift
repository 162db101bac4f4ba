/// Stands before a handler: lets only those requests through that the security settings in force allow.
struct Gatekeeper: Sendable {
    let security: LiveSecurity
    let handler: Handler

    func answer(_ request: Request) -> Reply {
        let access = security.current.access
        switch access.judge(request) {
        case .allowed:
            switch handler(request) {
            case .now(let response): return .now(access.finish(response))
            case .later(let make): return .later { access.finish(await make()) }
            }
        case .refused(let response):
            return .now(access.finish(response))
        case .uncertain(let credentials, let hash, let isUser):
            return .later {
                if let refusal = await access.check(credentials, hash, isUser: isUser, for: request) {
                    return access.finish(refusal)
                }
                switch handler(request) {
                case .now(let response): return access.finish(response)
                case .later(let make): return access.finish(await make())
                }
            }
        }
    }
}
