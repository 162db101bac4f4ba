/// The signs by which a page of a list tells whether more pages follow, and how many elements there are in all.
///
/// They are those of Laravel's paginators and of resources made of them, at the top level of the page and under `meta`,
/// `pagination`, `links` and `_links`.
struct PageSigns: Equatable {
    /// The addresses given for the next page, the most trusted first.
    var links: [String] = []
    /// The cursor of the next page.
    var cursor: String?
    /// The page's own number, from 1.
    var currentPage: Int?
    /// The number of the last page.
    var lastPage: Int?
    /// Whether there are more pages, wherever they are.
    var hasMore = false
    /// The numbers of elements of the whole list; all of them should be the same.
    var totals: Set<Int> = []

    /// The depth to which members with signs may nest.
    private static let maximumDepth = 3

    /// Reads the signs in a member of the page, or skips it.
    ///
    /// If page numbers contradict each other, those that promise more pages are taken.
    mutating func read(_ key: String, from reader: inout JSONReader, depth: Int = 0) throws(JSONError) {
        switch key {
        case "meta" where reader.kind == .object && depth < Self.maximumDepth,
            "pagination" where reader.kind == .object && depth < Self.maximumDepth:
            try reader.readObject { (key, reader) throws(JSONError) in try read(key, from: &reader, depth: depth + 1) }
        case "links" where reader.kind == .object, "_links" where reader.kind == .object:
            try reader.readObject { (key, reader) throws(JSONError) in
                try key == "next" ? readLink(from: &reader) : reader.skipValue()
            }
        case "next_page_url": try readLink(from: &reader)
        case "next_cursor": cursor = Self.present(try reader.readScalar()) ?? cursor
        case "current_page":
            currentPage = [currentPage, try Self.readNumber(from: &reader)].compactMap(\.self).min()
        case "has_more", "has_more_pages": hasMore = try reader.readScalar() == "true" || hasMore
        case "last_page", "total_pages":
            lastPage = [lastPage, try Self.readNumber(from: &reader)].compactMap(\.self).max()
        case "total":
            if let total = try Self.readNumber(from: &reader) { totals.insert(total) }
        default: try reader.skipValue()
        }
    }

    /// Reads the address of the next page, which may be null or empty, or the `href` of an object.
    ///
    /// A value that cannot be an address is an error: to ignore it might leave pages out.
    private mutating func readLink(from reader: inout JSONReader) throws(JSONError) {
        switch reader.kind {
        case .object:
            try reader.readObject { (key, reader) throws(JSONError) in
                try key == "href" && reader.kind != .object ? readLink(from: &reader) : reader.skipValue()
            }
        case .array: throw reader.problem("the address of the next page should stand here")
        default:
            if let link = Self.present(try reader.readScalar()) { links.append(link) }
        }
    }

    private static func present(_ text: String?) -> String? {
        ["", "false"].contains(text) ? nil : text
    }

    /// Reads a whole number, or a string that spells one; one that is too large reads as the largest there is.
    private static func readNumber(from reader: inout JSONReader) throws(JSONError) -> Int? {
        try reader.readScalar().flatMap { text in
            Int(text) ?? Double(text).flatMap { $0 >= 0x1p63 ? .max : Int(exactly: $0) }
        }
    }
}
