/// The way through the pages of one list: decides which page comes next, and whether the list is whole at the end.
struct PageWalk {
    /// Ten thousand instances at the framework's default of 15 a page are 667 pages.
    static let maximumPages = 1000

    private let baseURL: BaseURL
    private let filter: InstanceFilter
    private var visited: Set<String> = []
    /// The number of elements that the pages promise, and the first page to do so.
    private var total: (count: Int, page: Int)?
    /// The path and query of the page to fetch.
    private(set) var target: String

    init(_ baseURL: BaseURL, _ filter: InstanceFilter) {
        (self.baseURL, self.filter) = (baseURL, filter)
        target = baseURL.instances(filter)
    }

    /// The number of pages that were read.
    var pages: Int { visited.count }

    /// Records the page at `target`, and proceeds to the next.
    ///
    /// If signs disagree, the one that promises more is followed.
    ///
    /// - Returns: Whether there is a next page.
    /// - Throws: `APIError`, with the reason `incomplete` if elements are missing or the list changed meanwhile.
    mutating func advance(_ signs: PageSigns, found elements: InstanceListDecoder.Elements) throws(APIError) -> Bool {
        visited.insert(target)
        guard elements.repeated == 0 else {
            throw failure(.incomplete, "repeats an instance of an earlier page: the pages shift while they are read")
        }
        for count in signs.totals.sorted() {
            if let total, total.count != count {
                throw failure(.incomplete, "gives a total of \(count), and page \(total.page) one of \(total.count)")
            }
            total = (count, total?.page ?? pages)
        }
        guard let next = try next(after: signs) else {
            guard !signs.hasMore else { throw failure(.incomplete, "says that there are more, but not where") }
            try checkEnd(elements)
            return false
        }
        // Pages cost the customer's budget of requests: a chain of them must lead somewhere, and end.
        guard !visited.contains(next) else {
            throw APIError(.decode, "page \(pages + 1) of the list links back to an earlier page")
        }
        guard elements.ofPage > 0 else { throw failure(.decode, "has no further instances, but promises a next page") }
        guard max(pages + 1, signs.lastPage ?? 0) <= Self.maximumPages else {
            throw APIError(.decode, "the list has more than \(Self.maximumPages) pages")
        }
        target = next
        return true
    }

    /// Returns the error for the page that was read last.
    private func failure(_ reason: APIError.Reason, _ problem: String) -> APIError {
        APIError(reason, "page \(pages) of the list \(problem)")
    }

    /// Returns the path and query of the next page, or `nil` if no sign promises one.
    private func next(after signs: PageSigns) throws(APIError) -> String? {
        if let link = signs.links.first {
            guard let page = baseURL.page(link: link, filter) else {
                throw failure(.redirect, "links to another origin or path, which is not followed")
            }
            return page
        }
        if let cursor = signs.cursor { return baseURL.instances(filter, QueryItem(name: "cursor", value: cursor)) }
        let current = signs.currentPage ?? pages
        if let last = signs.lastPage, current < last {
            return baseURL.instances(filter, QueryItem(name: "page", value: "\(current + 1)"))
        }
        return nil
    }

    private func checkEnd(_ elements: InstanceListDecoder.Elements) throws(APIError) {
        if let total, total.count != elements.all {
            throw APIError(
                .incomplete, "the number of elements is \(elements.all), but the list gives a total of \(total.count)")
        }
        // The format has changed, then: that is no account without instances.
        guard elements.all == 0 || elements.withoutID < elements.all else {
            throw APIError(
                .decode, "the answer is not a list of instances: none of its \(elements.all) elements has an id")
        }
    }
}
