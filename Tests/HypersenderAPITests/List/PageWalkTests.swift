import Testing

@testable import HypersenderAPI

struct PageWalkTests {
    private static let list = "/v1/instances"

    private func walk(_ filter: InstanceFilter = InstanceFilter()) throws -> PageWalk {
        PageWalk(try BaseURL("https://h.test/v1"), filter)
    }

    private func advance(
        _ walk: inout PageWalk, _ signs: PageSigns, all: Int, ofPage: Int = 1, withoutID: Int = 0, repeated: Int = 0
    ) throws -> Bool {
        try walk.advance(
            signs, found: .init(all: all, ofPage: ofPage, withoutID: withoutID, repeated: repeated))
    }

    /// Of several signs the one that promises more is followed.
    @Test(
        arguments: [
            (PageSigns(), nil), (PageSigns(links: ["?page=2"]), "?page=2"),
            (PageSigns(currentPage: 1, lastPage: 3), "?page=2"), (PageSigns(lastPage: 3), "?page=2"),
            (PageSigns(currentPage: 2, lastPage: 3), "?page=3"), (PageSigns(currentPage: 1, lastPage: 1), nil),
            (PageSigns(currentPage: 3, lastPage: 3), nil), (PageSigns(currentPage: 1), nil),
            (PageSigns(cursor: "a b="), "?cursor=a%20b%3D"), (PageSigns(links: ["?page=2"], cursor: "a"), "?page=2"),
            (PageSigns(cursor: "a", currentPage: 1, lastPage: 1), "?cursor=a"),
            (PageSigns(links: ["?page=2"], currentPage: 1, lastPage: 1), "?page=2"),
        ] as [(PageSigns, String?)])
    func followsTheSignsOfAPage(signs: PageSigns, next: String?) throws {
        var walk = try walk()
        #expect(try advance(&walk, signs, all: 1) == (next != nil))
        #expect(walk.target == Self.list + (next ?? ""))
    }

    @Test func moreWithoutAWayToItIsNotWhole() throws {
        var walk = try walk()
        let error = #expect(throws: APIError.self) { try advance(&walk, PageSigns(hasMore: true, totals: [1]), all: 1) }
        #expect(error?.reason == .incomplete)
        var other = try self.walk()
        #expect(try advance(&other, PageSigns(cursor: "a", hasMore: true), all: 1))
    }

    @Test func keepsFilters() throws {
        for signs in [PageSigns(links: ["?page=2"]), PageSigns(lastPage: 2)] {
            var walk = try walk(InstanceFilter(status: "FAILED"))
            #expect(try advance(&walk, signs, all: 1))
            #expect(
                [
                    Self.list + "?page=2&filter%5Bstatus%5D=FAILED", Self.list + "?filter%5Bstatus%5D=FAILED&page=2",
                ].contains(walk.target))
        }
    }

    @Test func countsPagesThatDoNotSayTheirNumber() throws {
        var walk = try walk()
        #expect(try advance(&walk, PageSigns(lastPage: 3), all: 1))
        #expect(try advance(&walk, PageSigns(lastPage: 3), all: 2))
        #expect(walk.target == Self.list + "?page=3")
        #expect(try !advance(&walk, PageSigns(lastPage: 3), all: 3))
    }

    /// The numbers of elements and totals of pages, of which the last has no sign of another, and why they are not a list.
    @Test(
        arguments: [
            ([1], [[]], nil), ([15], [[15]], nil), ([15], [[40]], "is 15, but the list gives a total of 40"),
            ([15], [[14]], "is 15, but the list gives a total of 14"), ([0], [[0]], nil),
            ([0], [[3]], "elements is 0,"),
            ([3], [[3, 4]], "a total of 4, and page 1 one of 3"), ([2, 3], [[3], [3]], nil),
            ([2, 3], [[3], [4]], "page 2 of the list gives a total of 4, and page 1 one of 3"),
            ([2, 3], [[3], []], nil), ([2, 3], [[], [3]], nil), ([2, 3], [[], [4]], "elements is 3,"),
            // An empty last page is no fault.
            ([2, 2], [[2], [2]], nil), ([2, 2], [[], []], nil), ([2, 2], [[3], [3]], "elements is 2,"),
        ] as [([Int], [Set<Int>], String?)])
    func aListIsWholeOrFails(counts: [Int], totals: [Set<Int>], problem: String?) throws {
        var walk = try walk()
        var found: APIError?
        do {
            for (index, count) in counts.enumerated() {
                let isLast = index == counts.count - 1
                let signs = PageSigns(links: isLast ? [] : ["?page=\(index + 2)"], totals: totals[index])
                let ofPage = index == 0 ? count : count - counts[index - 1]
                #expect(try advance(&walk, signs, all: count, ofPage: ofPage) == !isLast)
            }
        } catch let error as APIError {
            found = error
        }
        #expect(found?.reason == (problem == nil ? nil : .incomplete))
        #expect(problem.map { found?.detail.contains($0) == true } ?? true, "\(found?.detail ?? "")")
    }

    @Test func anIDOnTwoPagesMeansThatTheyShift() throws {
        var walk = try walk()
        #expect(try advance(&walk, PageSigns(lastPage: 2, totals: [2]), all: 1))
        let error = #expect(throws: APIError.self) {
            try advance(&walk, PageSigns(lastPage: 2, totals: [2]), all: 2, repeated: 1)
        }
        #expect(error?.reason == .incomplete && walk.pages == 2)
    }

    @Test func aListWithoutAnyIDIsNone() throws {
        var walk = try walk()
        let error = #expect(throws: APIError.self) { try advance(&walk, PageSigns(), all: 3, ofPage: 3, withoutID: 3) }
        #expect(error?.reason == .decode && error?.detail.contains("none of its 3 elements has an id") == true)
        var other = try self.walk()
        #expect(try advance(&other, PageSigns(lastPage: 2), all: 3, ofPage: 3, withoutID: 3))
        #expect(try !advance(&other, PageSigns(lastPage: 2), all: 4, withoutID: 3))
    }

    @Test(
        arguments: [
            (PageSigns(links: ["https://evil.test/v1/instances?page=2"]), 1, APIError.Reason.redirect),
            (PageSigns(links: ["/v1/other?page=2"]), 1, .redirect), (PageSigns(links: ["?"]), 1, .decode),
            (PageSigns(links: ["?page=2"]), 0, .decode), (PageSigns(currentPage: 1, lastPage: 2), 0, .decode),
            (PageSigns(currentPage: 1, lastPage: 1001), 1, .decode),
        ])
    func chainsOfPagesLeadSomewhere(signs: PageSigns, ofPage: Int, reason: APIError.Reason) throws {
        var walk = try walk()
        let error = #expect(throws: APIError.self) { try advance(&walk, signs, all: ofPage, ofPage: ofPage) }
        #expect(error?.reason == reason)
    }

    @Test func aChainOfPagesEnds() throws {
        var walk = try walk()
        for page in 1..<PageWalk.maximumPages {
            #expect(try advance(&walk, PageSigns(cursor: "\(page)"), all: page))
        }
        let error = #expect(throws: APIError.self) {
            try advance(&walk, PageSigns(cursor: "last"), all: PageWalk.maximumPages)
        }
        #expect(error?.reason == .decode)
        var circle = try self.walk()
        #expect(try advance(&circle, PageSigns(cursor: "a"), all: 1))
        #expect(throws: APIError.self) { try advance(&circle, PageSigns(cursor: "a"), all: 2) }
    }

    @Test(
        arguments: [
            ([], nil), ([#"<https://a/2>; rel="next""#], "https://a/2"), (["<https://a/2>;rel=next"], "https://a/2"),
            ([#"<u1>; rel="prev", <u2>; rel="next""#], "u2"), ([#"<u1>; rel=prev"#, #"<u2>; rel=NEXT"#], "u2"),
            ([#"<u1>; rel="last next""#], "u1"), ([#"<u1>; rel="next-archive""#], nil), ([#"<u1>; rel="prev""#], nil),
            ([#"<u1>; title="a, <x>; rel=\"next\""; rel="prev""#], nil), ([#"<u1>; title="a;b"; rel=next"#], "u1"),
            // Only the first relation counts, and only what is said of the page itself.
            ([#"<u1>; rel="prev"; rel="next""#], nil), ([#"<u1>; rel="next"; anchor="/other""#], nil),
            (["<?page=2&filter[a]=b,c>; rel=next"], "?page=2&filter[a]=b,c"), (["u1; rel=next"], nil), (["<u1>"], nil),
            (["<u1; rel=next"], nil), ([#"<u1> ; REL = "next" "#], "u1"), ([#"<u1>; rel="next"#], "u1"),
            ([";,<>;=\"\\"], nil),
        ] as [([String], String?)])
    func readsLinkFields(fields: [String], next: String?) {
        #expect(LinkHeader.next(in: fields) == next)
    }
}
