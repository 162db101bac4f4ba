import Basics

/// The query of a request for the list: the four filters of the API, and the page.
struct ListQuery: Hashable, Sendable {
    enum Filter: String, CaseIterable, Sendable {
        case uuid, name, phone, status
    }

    /// The values of each filter, one of which must match. A filter without a value filters nothing.
    private(set) var filters: [Filter: [String]] = [:]
    /// The page, counted from 1, of a paged list.
    private(set) var page = 1

    /// Reads decoded names and values. Other parameters are ignored; of a filter given twice the last counts.
    init(_ items: [(name: String, value: String)]) throws(RefusedRequest) {
        for (name, value) in items {
            if name == "page" {
                page = max(1, Int(value) ?? 1)
            } else if name.hasPrefix("filter["), name.hasSuffix("]") {
                let key = String(name.dropFirst("filter[".count).dropLast())
                guard let filter = Filter(rawValue: key) else {
                    let allowed = Filter.allCases.map(\.rawValue).joined(separator: ", ")
                    throw RefusedRequest("Unknown filter `\(key)`. Allowed: \(allowed).")
                }
                let values = value.split(separator: ",", omittingEmptySubsequences: true).map(String.init)
                filters[filter] = values.isEmpty ? nil : values
            }
        }
    }

    /// Whether every filter has a matching value: names match in part and in any case, all else exactly.
    func matches(_ instance: SimulatedInstance) -> Bool {
        filters.allSatisfy { filter, values in
            switch filter {
            case .uuid: values.contains(instance.id)
            case .phone: values.contains(instance.phone)
            case .status: values.contains(instance.status.rawValue)
            case .name: values.contains { instance.name.lowercased().contains($0.lowercased()) }
            }
        }
    }

    /// Returns the percent-encoded query for another page of the same list, without the question mark.
    func text(page: Int) -> String {
        let given = Filter.allCases.compactMap { filter in
            filters[filter].map { "filter%5B\(filter.rawValue)%5D=" + $0.joined(separator: ",").percentEncoded }
        }
        return (given + ["page=\(page)"]).joined(separator: "&")
    }
}
