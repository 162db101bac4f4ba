/// What a method and a path ask the simulator for.
enum Route: Equatable, Sendable {
    case list
    case loginPage
    case help
    case faultKinds
    case currentFault, setFault, clearFault
    case requests
    case addInstances
    case setStatus(String), removeInstance(String)
    case methodNotAllowed([String])
    case notFound

    init(method: String, path: String) {
        let parts = path.split(separator: "/", omittingEmptySubsequences: false).dropFirst().map(String.init)
        let read = ["GET", "HEAD"]
        let routes: [String: Route]
        switch parts {
        case ["api", "whatsapp", "v1", "instances"], ["api", "whatsapp", "v2", "instances"]:
            routes = Self.all(read, .list)
        case ["login"]: routes = Self.all(read, .loginPage)
        case ["simulator"], ["simulator", ""]: routes = Self.all(read, .help)
        case ["simulator", "faults"]: routes = Self.all(read, .faultKinds)
        case ["simulator", "fault"]:
            routes = Self.all(read, .currentFault).merging(["POST": .setFault, "DELETE": .clearFault]) { $1 }
        case ["simulator", "requests"]: routes = Self.all(read, .requests)
        case ["simulator", "instances"]: routes = ["POST": .addInstances]
        case _ where parts.count == 3 && parts.starts(with: ["simulator", "instances"]):
            routes = ["POST": .setStatus(parts[2]), "DELETE": .removeInstance(parts[2])]
        default: routes = [:]
        }
        self = routes.isEmpty ? .notFound : routes[method] ?? .methodNotAllowed(routes.keys.sorted())
    }

    private static func all(_ methods: [String], _ route: Route) -> [String: Route] {
        Dictionary(uniqueKeysWithValues: methods.map { ($0, route) })
    }

    /// The control requests, one a line.
    static let controls = """
        GET    /simulator/faults                       the kinds of faults
        GET    /simulator/fault                        the fault in force
        POST   /simulator/fault?kind=KIND&count=N      put a fault in force, for the next N list requests or until cleared
        DELETE /simulator/fault                        clear it
        POST   /simulator/instances?count=N            add instances (1 by default), PENDING
        POST   /simulator/instances/REF?status=STATUS  set a status; it stays, unless hold=false
        DELETE /simulator/instances/REF                remove an instance
        GET    /simulator/requests                     how many list requests were served
        REF is an instance's id, or its place in the list, counted from 0. These requests need no token.
        """
}
