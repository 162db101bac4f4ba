/// The JSON around the instances of the list.
public enum ListForm: Sendable {
    /// The documented `[…]`.
    case array
    /// The `{"data":[…]}` of the framework's resources.
    case wrapped
    /// The framework's pagination: `{"data":[…],"links":{…},"meta":{…}}`, with up to `size` instances a page.
    case paged(size: Int)

    /// Renders the body of an answer.
    ///
    /// - Parameters:
    ///   - instances: the instances that the query matches, of all pages.
    ///   - url: the address of the list without a query, for the links.
    func render(_ instances: [SimulatedInstance], query: ListQuery, url: String) -> [UInt8] {
        switch self {
        case .array:
            return Self.array(instances)
        case .wrapped:
            return Array(#"{"data":"#.utf8) + Self.array(instances) + Array("}".utf8)
        case .paged(let size):
            let last = max(1, (instances.count + size - 1) / size)
            // A page beyond the last is empty; capping the number keeps the product from overflowing.
            let start = min(instances.count, (min(query.page, last + 1) - 1) * size)
            let shown = instances[start..<min(instances.count, start + size)]
            func link(_ page: Int?) -> String {
                page.map { JSONText.quoted("\(url)?\(query.text(page: $0))") } ?? "null"
            }
            let rest = """
                ,"links":{"first":\(link(1)),"last":\(link(last)),\
                "prev":\(link(query.page > 1 ? min(query.page - 1, last) : nil)),\
                "next":\(link(query.page < last ? query.page + 1 : nil))},\
                "meta":{"current_page":\(query.page),"from":\(shown.isEmpty ? "null" : "\(start + 1)"),\
                "last_page":\(last),"path":\(JSONText.quoted(url)),"per_page":\(size),\
                "to":\(shown.isEmpty ? "null" : "\(start + shown.count)"),"total":\(instances.count)}}
                """
            return Array(#"{"data":"#.utf8) + Self.array(shown) + Array(rest.utf8)
        }
    }

    /// Renders the instances as a JSON array.
    static func array(_ instances: some Collection<SimulatedInstance>) -> [UInt8] {
        Array("[\(instances.map(\.json).joined(separator: ","))]".utf8)
    }
}

extension SimulatedInstance {
    /// The JSON object, with the fields in the order of the vendor's page.
    ///
    /// Only names may hold anything that JSON escapes.
    var json: String {
        """
        {"id":"\(id)","name":\(JSONText.quoted(name)),"phone":"\(phone)","service_type":"whatsapp",\
        "status":"\(status.rawValue)","access_token":\(accessToken.map { "\"\($0)\"" } ?? "null"),\
        "created_at":"\(createdAt)"}
        """
    }
}
