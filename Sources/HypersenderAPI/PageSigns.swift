/// The signs by which a page of a list says whether more pages follow, and how many elements there are in all.
///
/// They are those of Laravel's paginators and of API resources made of them, at the top level of the page, under `meta` and under `links`.
struct PageSigns: Equatable {
    /// The addresses given for the next page, the most trusted first.
    var links: [String] = []
    /// The position of the next page, where pages are told by a cursor.
    var cursor: String?
    /// The page's own number, from 1.
    var currentPage: Int?
    /// The number of the last page.
    var lastPage: Int?
    /// The numbers of elements of the whole list; all of them should be the same.
    var totals: Set<Int> = []

    /// Reads the value of a member of the page or of its `meta`, or skips it.
    ///
    /// Of several page numbers those count that promise more pages.
    mutating func read(_ key: JSONReader.Key, from reader: inout JSONReader) throws(JSONError) {
        if reader.is(key, "next_page_url") {
            try readLink(from: &reader)
        } else if reader.is(key, "next_cursor") {
            cursor = Self.present(try reader.readScalarIfAny()) ?? cursor
        } else if reader.is(key, "current_page") {
            currentPage = [currentPage, try Self.readNumber(from: &reader)].compactMap(\.self).min()
        } else if reader.is(key, "last_page") {
            lastPage = [lastPage, try Self.readNumber(from: &reader)].compactMap(\.self).max()
        } else if reader.is(key, "total") {
            if let total = try Self.readNumber(from: &reader) {
                totals.insert(total)
            }
        } else {
            try reader.skipValue()
        }
    }

    /// Reads the address of the next page, which may be null or empty.
    ///
    /// A value that cannot be an address is an error: to pass over it might leave pages out.
    mutating func readLink(from reader: inout JSONReader) throws(JSONError) {
        guard reader.kind != .object, reader.kind != .array else {
            throw reader.problem("the address of the next page should stand here")
        }
        if let link = Self.present(try reader.readScalarIfAny()) {
            links.append(link)
        }
    }

    private static func present(_ text: String?) -> String? {
        text.flatMap { $0.isEmpty || $0 == "false" ? nil : $0 }
    }

    /// Reads a whole number, or a string that spells one.
    private static func readNumber(from reader: inout JSONReader) throws(JSONError) -> Int? {
        try reader.readScalarIfAny().flatMap { text in Int(text) ?? Double(text).flatMap { Int(exactly: $0) } }
    }
}
