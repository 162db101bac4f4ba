import HTTPServer
import Testing

@testable import Simulator

@Suite struct ListQueryTests {
    private static let instances = [
        SimulatedInstance(
            id: "fa3d01c4-1234-4c0d-a12f-df319b612f8c", name: "MyInstanceName", phone: "+201234567890",
            status: .working, accessToken: "234|a", createdAt: "2025-05-26T10:12:45"),
        SimulatedInstance(
            id: "c9a1dd76-5678-4f9d-9012-a5b78de100c3", name: "SecondInstance", phone: "+201234567891",
            status: .scanQRCode, accessToken: nil, createdAt: "2025-05-25T15:30:22"),
        SimulatedInstance(
            id: "00000000-5678-4f9d-9012-a5b78de100c3", name: "Ünïcode 営業", phone: "+201234567892",
            status: .failed, accessToken: nil, createdAt: "2025-05-25T15:30:22"),
    ]

    @Test(arguments: [
        ("", [0, 1, 2]),
        ("filter%5Bstatus%5D=WORKING", [0]),
        ("filter[status]=WORKING", [0]),
        ("filter%5bstatus%5d=working", []),
        ("filter%5Bstatus%5D=WORKING,FAILED", [0, 2]),
        ("filter%5Bstatus%5D=WORKING%2CFAILED", [0, 2]),
        ("filter%5Bstatus%5D=SLEEPING", []),
        ("filter%5Bstatus%5D=", [0, 1, 2]),
        ("filter%5Bstatus%5D=WORKING&filter%5Bstatus%5D=FAILED", [2]),
        ("filter%5Buuid%5D=c9a1dd76-5678-4f9d-9012-a5b78de100c3", [1]),
        ("filter%5Buuid%5D=c9a1dd76", []),
        ("filter%5Bname%5D=instance", [0, 1]),
        ("filter%5Bname%5D=second", [1]),
        ("filter%5Bname%5D=%E5%96%B6", [2]),
        ("filter%5Bname%5D=%C3%BCN", [2]),
        ("filter%5Bname%5D=My,Second", [0, 1]),
        ("filter%5Bphone%5D=%2B201234567891", [1]),
        ("filter%5Bphone%5D=+201234567891", []),
        ("filter%5Bphone%5D=%2B20", []),
        ("filter%5Bname%5D=instance&filter%5Bstatus%5D=SCAN_QR_CODE,FAILED", [1]),
        ("filter%5Bname%5D=nobody", []),
        ("other=1&page=2&filter=x", [0, 1, 2]),
    ])
    func filters(query: String, expected: [Int]) throws {
        let parsed = try ListQuery(Request(target: "/?\(query)").queryItems())
        let matching = Self.instances.indices.filter { parsed.matches(Self.instances[$0]) }
        #expect(matching == expected)
    }

    @Test(arguments: ["filter%5Bid%5D=1", "filter[]=1", "filter[Status]=WORKING", "filter[status][]=WORKING"])
    func unknownFiltersAreRefused(query: String) {
        #expect(throws: RefusedRequest.self) {
            try ListQuery(Request(target: "/?\(query)").queryItems())
        }
    }

    @Test(arguments: [("", 1), ("page=3", 3), ("page=0", 1), ("page=-4", 1), ("page=x", 1)])
    func pages(query: String, expected: Int) throws {
        #expect(try ListQuery(Request(target: "/?\(query)").queryItems()).page == expected)
    }

    @Test func theQueryOfAnotherPageAsksForTheSameFilters() throws {
        let query = try ListQuery([("filter[phone]", "+2010"), ("filter[name]", "a b,営"), ("page", "7")])
        let text = query.text(page: 2)
        #expect(text == "filter%5Bname%5D=a%20b%2C%E5%96%B6&filter%5Bphone%5D=%2B2010&page=2")
        let again = try ListQuery(Request(target: "/?\(text)").queryItems())
        #expect(again.filters == query.filters)
        #expect(again.page == 2)
    }
}
