/// The JSON around the instances of the list.
public enum ListForm: Sendable, Hashable {
    /// The documented `[…]`.
    case array
    /// The `{"data":[…]}` of the framework's resources.
    case wrapped
    /// The framework's pagination: `{"data":[…],"links":{…},"meta":{…}}`, with up to `size` instances a page.
    case paged(size: Int)
}

extension ListForm {
    var isPaged: Bool {
        if case .paged = self { true } else { false }
    }

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
            let links = Self.links(page: query.page, last: last) { "\(url)?\(query.text(page: $0))" }
            let meta = """
                {"current_page":\(query.page),"from":\(shown.isEmpty ? "null" : "\(start + 1)"),"last_page":\(last),\
                "path":\(JSONText.quoted(url)),"per_page":\(size),\
                "to":\(shown.isEmpty ? "null" : "\(start + shown.count)"),"total":\(instances.count)}
                """
            return Array(#"{"data":"#.utf8) + Self.array(shown) + Array(#","links":\#(links),"meta":\#(meta)}"#.utf8)
        }
    }

    private static func links(page: Int, last: Int, address: (Int) -> String) -> String {
        let addresses: [(String, Int?)] = [
            ("first", 1), ("last", last),
            ("prev", page > 1 ? min(page - 1, last) : nil),
            ("next", page < last ? page + 1 : nil),
        ]
        let members = addresses.map { name, page in
            "\"\(name)\":" + (page.map { JSONText.quoted(address($0)) } ?? "null")
        }
        return "{\(members.joined(separator: ","))}"
    }

    /// Renders the instances as a JSON array.
    static func array(_ instances: some Collection<SimulatedInstance>) -> [UInt8] {
        var bytes: [UInt8] = []
        bytes.reserveCapacity(2 + 320 * instances.count)
        bytes.append(UInt8(ascii: "["))
        for instance in instances {
            if bytes.count > 1 { bytes.append(UInt8(ascii: ",")) }
            append(instance, to: &bytes)
        }
        bytes.append(UInt8(ascii: "]"))
        return bytes
    }

    /// Appends one instance as a JSON object, with the fields in the order of the vendor's page.
    static func append(_ instance: SimulatedInstance, to bytes: inout [UInt8]) {
        // Ids, phones, statuses, tokens and timestamps hold nothing that JSON escapes; names may hold anything.
        bytes.append(contentsOf: #"{"id":""#.utf8)
        bytes.append(contentsOf: instance.id.utf8)
        bytes.append(contentsOf: #"","name":"#.utf8)
        JSONText.append(instance.name, to: &bytes)
        bytes.append(contentsOf: #","phone":""#.utf8)
        bytes.append(contentsOf: instance.phone.utf8)
        bytes.append(contentsOf: #"","service_type":"whatsapp","status":""#.utf8)
        bytes.append(contentsOf: instance.status.rawValue.utf8)
        bytes.append(contentsOf: #"","access_token":"#.utf8)
        if let token = instance.accessToken {
            bytes.append(contentsOf: "\"\(token)\"".utf8)
        } else {
            bytes.append(contentsOf: "null".utf8)
        }
        bytes.append(contentsOf: #","created_at":""#.utf8)
        bytes.append(contentsOf: instance.createdAt.utf8)
        bytes.append(contentsOf: #""}"#.utf8)
    }
}
