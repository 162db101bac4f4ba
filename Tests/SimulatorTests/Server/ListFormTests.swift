import FoundationEssentials
import Testing

@testable import Simulator

@Suite struct ListFormTests {
    private let first = SimulatedInstance(
        id: "fa3d01c4-1234-4c0d-a12f-df319b612f8c", name: "MyInstanceName", phone: "+201234567890", status: .working,
        accessToken: "234|3uB2p", createdAt: "2025-05-26T10:12:45")
    private let second = SimulatedInstance(
        id: "c9a1dd76-5678-4f9d-9012-a5b78de100c3", name: "SecondInstance", phone: "+201234567891",
        status: .scanQRCode, accessToken: nil, createdAt: "2025-05-25T15:30:22")

    private let firstText = """
        {"id":"fa3d01c4-1234-4c0d-a12f-df319b612f8c","name":"MyInstanceName","phone":"+201234567890",\
        "service_type":"whatsapp","status":"WORKING","access_token":"234|3uB2p","created_at":"2025-05-26T10:12:45"}
        """
    private let secondText = """
        {"id":"c9a1dd76-5678-4f9d-9012-a5b78de100c3","name":"SecondInstance","phone":"+201234567891",\
        "service_type":"whatsapp","status":"SCAN_QR_CODE","access_token":null,"created_at":"2025-05-25T15:30:22"}
        """

    private func render(_ form: ListForm, _ instances: [SimulatedInstance], page: Int = 1) throws -> String {
        let query = try ListQuery([("page", "\(page)"), ("filter[status]", "WORKING")])
        return String(decoding: form.render(instances, query: query, url: "http://h/i"), as: UTF8.self)
    }

    @Test func arrayAsOnTheVendorsPage() throws {
        #expect(try render(.array, [first, second]) == "[\(firstText),\(secondText)]")
        #expect(try render(.array, []) == "[]")
    }

    @Test func wrapped() throws {
        #expect(try render(.wrapped, [first]) == "{\"data\":[\(firstText)]}")
        #expect(try render(.wrapped, []) == #"{"data":[]}"#)
    }

    @Test func paged() throws {
        let address = #"http:\/\/h\/i?filter%5Bstatus%5D=WORKING&page="#
        #expect(
            try render(.paged(size: 1), [first, second], page: 1) == """
                {"data":[\(firstText)],"links":{"first":"\(address)1","last":"\(address)2","prev":null,\
                "next":"\(address)2"},"meta":{"current_page":1,"from":1,"last_page":2,"path":"http:\\/\\/h\\/i",\
                "per_page":1,"to":1,"total":2}}
                """)
        #expect(
            try render(.paged(size: 1), [first, second], page: 2) == """
                {"data":[\(secondText)],"links":{"first":"\(address)1","last":"\(address)2","prev":"\(address)1",\
                "next":null},"meta":{"current_page":2,"from":2,"last_page":2,"path":"http:\\/\\/h\\/i",\
                "per_page":1,"to":2,"total":2}}
                """)
    }

    @Test(arguments: [3, 4, Int.max])
    func aPageBeyondTheLastIsEmptyAndHasNoNext(page: Int) throws {
        let text = try render(.paged(size: 1), [first, second], page: page)
        #expect(text.hasPrefix(#"{"data":[],"#))
        #expect(text.contains(#""next":null"#))
        #expect(text.contains(#""from":null"#))
    }

    @Test(arguments: [
        ("plain", #""plain""#),
        ("", #""""#),
        (#"a"b\c/d"#, #""a\"b\\c\/d""#),
        ("\n\u{0}\u{1F}\u{7F}", #""\n\u0000\u001f\u007f""#),
        ("é", #""\u00e9""#),
        ("🚀", #""\ud83d\ude80""#),
    ])
    func text(text: String, expected: String) {
        #expect(JSONText.quoted(text) == expected)
    }

    private struct Element: Decodable {
        var id: String
        var name: String
        var phone: String
        var status: String
        var access_token: String?
        var created_at: String
    }

    @Test func anotherDecoderReadsWhatIsWritten() throws {
        let instances = SimulatedAccount(instances: 300, seed: 1).instances
        let elements = try JSONDecoder().decode([Element].self, from: Data(ListForm.array(instances)))
        let decoded = elements.map {
            SimulatedInstance(
                id: $0.id, name: $0.name, phone: $0.phone, status: SimulatedStatus(rawValue: $0.status) ?? .failed,
                accessToken: $0.access_token, createdAt: $0.created_at)
        }
        #expect(decoded == instances)
    }
}
