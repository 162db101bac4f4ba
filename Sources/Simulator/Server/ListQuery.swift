/// What a request for the list asks for: the four filters of the API, and the page.
struct ListQuery: Hashable, Sendable {
    enum Filter: String, CaseIterable, Sendable {
        case uuid, name, phone, status
    }

    /// Why a query cannot be answered; the API answers 400.
    struct Refusal: Error, Equatable {
        let message: String
    }

    /// For each filter given, the values of which one has to match. A filter without a value filters nothing.
    private(set) var filters: [Filter: [String]] = [:]
    /// Counted from 1; of importance only where the list is paged.
    private(set) var page = 1

    /// - Parameter items: decoded names and values. Other parameters than filters and the page are ignored, as the
    ///   framework does; of a filter given twice the last counts.
    init(_ items: [(name: String, value: String)]) throws(Refusal) {
        for (name, value) in items {
            if name == "page" {
                page = max(1, Int(value) ?? 1)
            } else if name.hasPrefix("filter["), name.hasSuffix("]") {
                let key = String(name.dropFirst("filter[".count).dropLast())
                guard let filter = Filter(rawValue: key) else {
                    let allowed = Filter.allCases.map(\.rawValue).joined(separator: ", ")
                    throw Refusal(message: "Unknown filter `\(key)`. Allowed: \(allowed).")
                }
                let values = value.split(separator: ",", omittingEmptySubsequences: true).map(String.init)
                filters[filter] = values.isEmpty ? nil : values
            }
        }
    }

    /// Whether every filter given has a value that matches: the name in part and in any case, all else exactly.
    func matches(_ instance: SimulatedInstance) -> Bool {
        filters.allSatisfy { filter, values in
            switch filter {
            case .uuid: values.contains(instance.id)
            case .phone: values.contains(instance.phone)
            case .status: values.contains(instance.status.rawValue)
            case .name:
                values.contains { instance.name.lowercased().contains($0.lowercased()) }
            }
        }
    }

    /// The query that asks for the same list at another page, percent-encoded, without the question mark.
    func text(page: Int) -> String {
        let given = Filter.allCases.compactMap { filter in
            filters[filter].map { "filter%5B\(filter.rawValue)%5D=" + Self.encoded($0.joined(separator: ",")) }
        }
        return (given + ["page=\(page)"]).joined(separator: "&")
    }

    private static func encoded(_ text: String) -> String {
        let digits = Array("0123456789ABCDEF".utf8)
        var bytes: [UInt8] = []
        for byte in text.utf8 {
            switch byte {
            case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
                UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "-"), UInt8(ascii: "."), UInt8(ascii: "_"),
                UInt8(ascii: "~"):
                bytes.append(byte)
            default:
                bytes += [UInt8(ascii: "%"), digits[Int(byte >> 4)], digits[Int(byte & 15)]]
            }
        }
        return String(decoding: bytes, as: UTF8.self)
    }
}
