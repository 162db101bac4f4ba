import Basics
import Synchronization
import Testing

@testable import HypersenderAPI

struct InstanceListTests {
    private func decode(_ pages: String...) throws -> InstanceList {
        var decoder = InstanceListDecoder(phone: { $0 })
        for page in pages {
            _ = try decoder.decode(page: Array(page.utf8))
        }
        return decoder.list
    }

    /// The example on the vendor's page.
    @Test func readsTheDocumentedExample() throws {
        let json = """
            [
              {
                "id": "fa3d01c4-1234-4c0d-a12f-df319b612f8c",
                "name": "MyInstanceName",
                "phone": "+201234567890",
                "service_type": "whatsapp",
                "status": "WORKING",
                "access_token": "234|3uB2pBST2H6If8twXIeUaeNu23VJ8XassYoOVJuva48388e1",
                "created_at": "2025-05-26T10:12:45"
              },
              {
                "id": "c9a1dd76-5678-4f9d-9012-a5b78de100c3",
                "name": "SecondInstance",
                "phone": "+201234567891",
                "service_type": "whatsapp",
                "status": "SCAN_QR_CODE",
                "access_token": null,
                "created_at": "2025-05-25T15:30:22"
              }
            ]
            """
        let list = try decode(json)
        #expect(
            list.instances == [
                Instance(
                    id: "fa3d01c4-1234-4c0d-a12f-df319b612f8c", name: "MyInstanceName", status: .working,
                    details: .init(phone: "+201234567890", hasAccessToken: true, createdAt: 1_748_254_365)),
                Instance(
                    id: "c9a1dd76-5678-4f9d-9012-a5b78de100c3", name: "SecondInstance", status: .scanQRCode,
                    details: .init(phone: "+201234567891", hasAccessToken: false, createdAt: 1_748_187_022)),
            ])
        #expect(list.bytes == json.utf8.count)
        #expect(list.duplicates == 0 && list.invalid == 0 && list.unknownStatuses.isEmpty)
    }

    @Test(arguments: [
        "[]", #"{"data":[]}"#, #"{"data":[],"links":{"next":null},"meta":{"total":0}}"#, " [ ] ", "\u{FEFF}[]",
    ])
    func anEmptyListIsASuccess(json: String) throws {
        #expect(try decode(json).instances.isEmpty)
    }

    @Test(arguments: [
        "{}", "null", "0", "true", #""[]""#, #"{"queued":true}"#, #"{"data":null}"#, #"{"data":{}}"#, #"{"data":"[]"}"#,
        #"{"Data":[]}"#, #"{"data":[],"data":[]}"#, #"{"message":"Unauthenticated."}"#, "", "<html></html>", "[]]",
        "[][]", "[{]",
        #"[{"id":"a","status":"WORKING"}"#, #"[{"id":"a","status":"WORKING"},]"#, #"[{"id":"a","status":"WORKING"}] x"#,
    ])
    func anythingElseIsAFailure(json: String) {
        #expect(throws: JSONError.self) { try decode(json) }
    }

    /// PHP makes an object of a list whose keys have gaps, as a filtered collection's have.
    @Test(arguments: [
        #"{"data":{"0":\#(shop1),"2":\#(shop3)}}"#, #"{"1":\#(shop1),"20":\#(shop3)}"#,
        #"{"data":{"7":\#(shop1),"3":\#(shop3)},"links":[]}"#,
    ])
    func anObjectWithNumbersForKeysIsAList(json: String) throws {
        #expect(try decode(json).instances.map(\.id) == ["1", "3"])
    }

    @Test(arguments: [
        #"{"1":\#(shop1),"x":\#(shop3)}"#, #"{"x":1,"1":\#(shop1)}"#, #"{"data":{"1":\#(shop1),"x":\#(shop3)}}"#,
        #"{"data":{"1":\#(shop1),"2":null}}"#, #"{"1":\#(shop1),"2":[]}"#, #"{"-1":\#(shop1)}"#, #"{"1.5":\#(shop1)}"#,
        #"{"":\#(shop1)}"#, #"{"data":{"id":\#(shop1)}}"#, #"{"1":\#(shop1),"data":[]}"#, #"{"message":"no","0":{}}"#,
        #"{"data":{"1":\#(shop1)},"data":{"2":\#(shop3)}}"#,
    ])
    func anObjectWithOtherKeysIsNoList(json: String) {
        #expect(throws: JSONError.self) { try decode(json) }
    }

    @Test(
        arguments: [
            (
                #"{"data":[],"links":{"first":"x","next":"https://a/2"},"meta":{"links":[{"next":"no"}]}}"#,
                PageSigns(links: ["https://a/2"])
            ),
            (#"{"links":{"next":"?page=2"},"data":[]}"#, PageSigns(links: ["?page=2"])),
            (
                #"{"current_page":1,"data":[],"next_page_url":"/i?page=2","links":[{"url":null}]}"#,
                PageSigns(links: ["/i?page=2"], currentPage: 1)
            ),
            (#"{"data":[],"links":{"next":null}}"#, PageSigns()), (#"{"data":[],"links":null}"#, PageSigns()),
            (#"{"data":[],"next_page_url":""}"#, PageSigns()), (#"{"data":[],"next_page_url":null}"#, PageSigns()),
            (#"{"data":[],"links":{"next":false}}"#, PageSigns()), ("[]", PageSigns()),
            (
                #"{"data":[],"meta":{"current_page":1,"last_page":3,"per_page":15,"total":40}}"#,
                PageSigns(currentPage: 1, lastPage: 3, totals: [40])
            ),
            (
                #"{"data":[],"current_page":"2","last_page":"3","total":"40"}"#,
                PageSigns(currentPage: 2, lastPage: 3, totals: [40])
            ),
            // Those count that promise more.
            (
                #"{"current_page":2,"last_page":2,"data":[],"meta":{"current_page":1,"last_page":4.0,"total":null}}"#,
                PageSigns(currentPage: 1, lastPage: 4)
            ),
            (#"{"data":[],"total":3,"meta":{"total":4}}"#, PageSigns(totals: [3, 4])),
            (#"{"data":[],"meta":{"next_cursor":"eyJ"},"next_cursor":null}"#, PageSigns(cursor: "eyJ")),
            (#"{"data":[],"next_cursor":17}"#, PageSigns(cursor: "17")),
            (#"{"data":[],"next_cursor":""}"#, PageSigns()),
            (
                #"{"data":[],"meta":{"pagination":{"total":7,"current_page":1,"total_pages":3,"links":{"next":"?p=2"}}}}"#,
                PageSigns(links: ["?p=2"], currentPage: 1, lastPage: 3, totals: [7])
            ),
            (#"{"data":[],"_links":{"next":{"href":"?page=2"},"self":{"href":"?"}}}"#, PageSigns(links: ["?page=2"])),
            (#"{"data":[],"links":{"next":{"meta":{}}}}"#, PageSigns()),
            (#"{"data":[],"has_more":true}"#, PageSigns(hasMore: true)),
            (#"{"data":[],"has_more":false}"#, PageSigns()),
            (#"{"data":[],"total":1e30,"last_page":99999999999999999999}"#, PageSigns(lastPage: .max, totals: [.max])),
            (#"{"data":[],"error":null,"errors":[],"message":"OK","success":true}"#, PageSigns()),
        ])
    func readsTheSignsOfFurtherPages(page: String, signs: PageSigns) throws {
        var decoder = InstanceListDecoder()
        #expect(try decoder.decode(page: Array(page.utf8)) == signs)
    }

    @Test(arguments: [
        #"{"data":[],"links":{"next":{"href":["?page=2"]}}}"#, #"{"data":[],"next_page_url":["?page=2"]}"#,
        // A list that says that it is an error is none.
        #"{"data":[],"error":"boom"}"#, #"{"error":{"message":"boom"},"data":[]}"#, #"{"success":false,"data":[]}"#,
        #"{"data":[],"error":true}"#, #"{"data":[],"errors":[{"detail":"boom"}]}"#,
    ])
    func pagesThatCannotBeTrustedAreFailures(page: String) {
        #expect(throws: JSONError.self) { try decode(page) }
    }

    /// An instance that is listed never vanishes, whatever its status says.
    @Test func elementsAreShownAsUnknownWithoutAStatusAndLeftOutWithoutAnID() throws {
        let list = try decode(
            #"""
            [null, 1, "x", [], {}, {"status":"WORKING"}, {"id":"","status":"WORKING"}, {"id":7,"status":"WORKING"},
             {"id":"a"}, {"id":"b","status":null}, {"id":"b","status":5}, {"id":"c","status":{}},
             {"id":"good","status":"WORKING"}, {"ID":"d","Status":"WORKING"}]
            """#)
        #expect(list.instances.map(\.id) == ["a", "b", "c", "good"])
        #expect(list.instances.map(\.status) == [.unknown, .unknown, .unknown, .working])
        #expect(list.withoutStatus == 3 && list.withoutID == 9 && list.duplicates == 1)
        #expect(list.invalid == 12 && list.unknownStatuses.isEmpty)
        let none = try decode(#"[{"id":"a","status":null},{"id":"b"}]"#)
        #expect(none.instances.map(\.status) == [.unknown, .unknown] && none.invalid == 2)
    }

    @Test func theRestOfAnElementMayBeMissingOrOfAnotherType() throws {
        let list = try decode(
            #"""
            [{"id":"a","status":"WORKING"}, {"id":"b","status":"FAILED","name":null,"phone":null,"service_type":null,"created_at":null},
             {"id":"c","status":"STOPPED","name":5,"phone":[],"service_type":{},"access_token":17,"created_at":12,"more":{"id":"z"}}]
            """#)
        #expect(list.invalid == 0)
        #expect(
            list.instances == [
                Instance(id: "a", name: "", status: .working, details: .init(serviceType: "")),
                Instance(id: "b", name: "", status: .failed, details: .init(serviceType: "")),
                Instance(id: "c", name: "", status: .stopped, details: .init(serviceType: "")),
            ])
    }

    /// However deep signs stand in each other, reading them does not exhaust the stack.
    @Test func signsAreSoughtToADepth() throws {
        var decoder = InstanceListDecoder()
        let nested = String(repeating: #"{"meta":"#, count: 100) + "1" + String(repeating: "}", count: 100)
        let signs = try decoder.decode(page: Array(#"{"data":[],"meta":\#(nested)}"#.utf8))
        #expect(signs == PageSigns())
        let deeper = String(repeating: #"{"meta":"#, count: 200_000)
        #expect(throws: JSONError.self) { try decode(#"{"data":[],"meta":"# + deeper) }
    }

    /// On one page the first is kept; on another it is the sign that pages have shifted.
    @Test(arguments: [false, true])
    func repeatedIDsAreTakenByTheirPages(isKnown: Bool) throws {
        let pages = [
            #"[{"id":"a","name":"1","status":"WORKING"},{"id":"a","name":"2","status":"FAILED"}]"#,
            #"{"data":[{"id":"b","status":"WORKING"},{"id":"a","name":"3","status":"FAILED"},null]}"#,
        ]
        var before = InstanceListDecoder()
        _ = try before.decode(page: Array(#"[{"id":"b","status":"WORKING"},{"id":"a","status":"WORKING"}]"#.utf8))
        var decoder = InstanceListDecoder(previous: isKnown ? before.readList : nil)
        for page in pages {
            _ = try decoder.decode(page: Array(page.utf8))
        }
        #expect(decoder.list.instances.map(\.id) == ["a", "b"])
        #expect(decoder.list.instances.first?.name == "1")
        #expect(decoder.list.duplicates == 1)
        #expect(decoder.elements == .init(all: 5, ofPage: 3, withoutID: 1, repeated: 1))
    }

    /// A list that may follow another: the same, changed, reordered, grown, shrunk, unreadable in part or with repetitions.
    @Test(arguments: [
        #"[\#(shop1), \#(shop2), \#(shop3)]"#, #"{"data":[\#(shop1),\#(shop2),\#(shop3)]}"#, "[]",
        #"[\#(shop1), \#(shop2Failed), \#(shop3)]"#, #"[\#(shop2Failed), \#(shop1), \#(shop3), \#(shop2)]"#,
        #"[\#(shop3), \#(shop2), \#(shop1)]"#, #"[\#(other), \#(shop1), \#(shop2), \#(shop3)]"#,
        #"[\#(shop1), \#(other), \#(other), \#(shop2)]"#, #"[\#(shop2), \#(shop2), \#(shop2)]"#, #"[\#(shop3)]"#,
        #"[null, \#(shop1), 5, \#(shop2), {"id":7}, \#(shop3), []]"#, #"[\#(strange), \#(strange), \#(shop1)]"#,
        #"[\#(shop1)  ,\#(shop2),\n\t\#(shop3) ]"#,
        #"[{"id":"1","name":"One","phone":"+1","status":"WORKING" }, \#(shop2)]"#,
        #"[\#(shop1) \#(shop2)]"#, #"[\#(shop1), \#(shop2)"#, #"[\#(shop1), \#(shop2)}"#, #"[\#(shop1)x]"#,
    ])
    func aListIsReadAsItIsWhateverCameBefore(json: String) throws {
        let bytes = Array(json.utf8)
        for before in ["[\(Self.shop1), \(Self.shop2), \(Self.shop3)]", "[\(Self.strange), \(Self.shop2)]", "[]", json]
        {
            var first = InstanceListDecoder(phone: { $0 })
            guard (try? first.decode(page: Array(before.utf8))) != nil else {
                // A response that is no list leaves nothing behind.
                continue
            }
            var fresh = InstanceListDecoder(phone: { $0 })
            var again = InstanceListDecoder(phone: { $0 }, previous: first.readList)
            let (expected, found) = (Self.outcome(of: &fresh, bytes), Self.outcome(of: &again, bytes))
            #expect(found.0 == expected.0 && found.1 == expected.1)
        }
    }

    /// The list, or the description of the error.
    private static func outcome(of decoder: inout InstanceListDecoder, _ bytes: [UInt8]) -> (InstanceList?, String?) {
        do {
            _ = try decoder.decode(page: bytes)
            return (decoder.list, nil)
        } catch {
            return (nil, error.description)
        }
    }

    private static let shop1 = #"{"id":"1","name":"One","phone":"+1","status":"WORKING"}"#
    private static let shop2 = #"{"id":"2","name":"Two","phone":"+2","status":"WORKING"}"#
    private static let shop2Failed = #"{"id":"2","name":"Two","phone":"+2","status":"FAILED"}"#
    private static let shop3 = #"{"id":"3","name":"}Three{","phone":"+3","status":"STOPPED"}"#
    private static let other = #"{"id":"4","name":"Other","phone":"+4","status":"WORKING"}"#
    private static let strange = #"{"id":"5","name":"Strange","phone":"+5","status":"BANNED"}"#

    @Test func onlyWhatHasChangedIsReadAgain() throws {
        let read = Mutex<[String]>([])
        var previous: ReadList?
        for (pages, expected) in [
            (["[\(Self.shop1),\(Self.shop2),\(Self.shop3)]"], ["+1", "+2", "+3"]),
            (["[\(Self.shop1),\(Self.shop2Failed),\(Self.shop3)]"], ["+2"]),
            (["[\(Self.shop1),\(Self.shop2Failed),\(Self.shop3)]"], []),
            // If one goes missing, the next is read anew, and the order is found again.
            (["[\(Self.shop1),\(Self.shop3)]"], ["+3"]),
            (
                ["{\"data\":[\(Self.shop1)],\"next_page_url\":\"/2\"}", "{\"data\":[\(Self.shop3),\(Self.strange)]}"],
                ["+5"]
            ),
            // An unknown status must be reported again.
            (["[\(Self.shop1),\(Self.shop3),\(Self.strange)]"], ["+5"]),
        ] {
            var decoder = InstanceListDecoder(
                phone: { phone in
                    read.withLock { $0.append(phone) }
                    return phone
                }, previous: previous)
            for page in pages {
                _ = try decoder.decode(page: Array(page.utf8))
            }
            #expect(read.withLock { $0 } == expected)
            read.withLock { $0 = [] }
            previous = decoder.readList
        }
    }

    /// Swift takes these for the same text; the API, and Prometheus, do not.
    @Test func idsThatLookAlikeAreDifferent() throws {
        let list = try decode(
            #"[{"id":"caf\u00e9","status":"WORKING"},{"id":"cafe\u0301","status":"FAILED"},{"id":"\u212b","status":"FAILED"},{"id":"\u00c5","status":"FAILED"}]"#
        )
        #expect(list.instances.count == 4 && list.duplicates == 0)
    }

    @Test(arguments: ["working", "UNKNOWN", "", "BANNED", "WORKING "])
    func otherStatusesAreUnknown(status: String) throws {
        let list = try decode(#"[{"id":"a","status":"\#(status)"}]"#)
        #expect(list.instances.first?.status == .unknown)
        #expect(list.unknownStatuses == [status])
    }

    @Test func longTextsAreCut() throws {
        let long = String(repeating: "é", count: 1_000_000)
        let list = try decode(
            #"[{"id":"a","name":"\#(long)","status":"\#(long)"},{"id":"\#(long)","status":"WORKING"}]"#)
        #expect(list.instances.first?.name == String(repeating: "é", count: 256) + "…")
        #expect(list.unknownStatuses.allSatisfy { $0.count == 257 })
        #expect(list.withoutID == 1)
        let combined = "e" + String(repeating: "\u{301}", count: 100_000)
        let name = try decode(#"[{"id":"a","status":"WORKING","name":"\#(combined)"}]"#).instances.first?.name
        #expect((name?.utf8.count ?? .max) < 1000)
    }

    @Test func phonesAreDroppedUnlessAskedFor() throws {
        let json = Array(#"[{"id":"a","status":"WORKING","phone":"+201234567890"}]"#.utf8)
        func phone(_ privacy: PhonePrivacy, _ token: String = "1|key") throws -> String? {
            var decoder = InstanceListDecoder(phone: privacy.keep(try Secret(token)))
            _ = try decoder.decode(page: json)
            return decoder.list.instances.first?.details.phone
        }
        #expect(try phone(.off) == nil)
        #expect(try phone(.full) == "+201234567890")
        // printf %s +201234567890 | openssl dgst -sha256 -hmac '1|key' | cut -c1-16
        #expect(try phone(.hash) == "ff00e19ee8dae157")
        #expect(try phone(.hash) != phone(.hash, "2|key"))
    }
}
