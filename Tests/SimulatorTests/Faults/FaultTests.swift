import FoundationEssentials
import NIOCore
import Testing

@testable import HTTPServer
@testable import Simulator

extension Fault {
    /// An answer with this status.
    static func status(
        _ status: Int, retryAfter: String? = nil, rateLimitReset: String? = nil, message: String? = nil,
        count: Int? = nil
    ) -> Fault {
        var fault = Fault(.status, count: count)
        fault.status = status
        fault.retryAfter = retryAfter
        fault.rateLimitReset = rateLimitReset
        fault.message = message
        return fault
    }

    /// The body under 200, if the whole fault lies in that.
    func body(list: [UInt8]) -> [UInt8]? {
        guard case .now(let response) = kind.reply(self, list), response.status == 200,
            response.headers == ["Content-Type": response.headers["Content-Type"] ?? ""]
        else { return nil }
        return response.body.bytes
    }
}

@Suite struct FaultTests {
    @Test(arguments: [
        ("hang", Fault(.hang)),
        ("503", .status(503)),
        ("429,retry-after=7,count=2", .status(429, retryAfter: "7", count: 2)),
        ("status,status=429,rate-limit-reset=1748254365", .status(429, rateLimitReset: "1748254365")),
        ("status,status=401,message=No key", .status(401, message: "No key")),
        ("length-long,count=1", Fault(.lengthLong, count: 1)),
    ])
    func commandLine(text: String, expected: Fault) throws {
        #expect(try Fault(text) == expected)
        #expect(try Fault(expected.description) == expected)
    }

    @Test func parametersOfSizeTimeAndPlace() throws {
        #expect(try Fault("gzip-bomb,bytes=5000").bytes == 5000)
        #expect(try Fault("drip,interval=0.25").interval == .milliseconds(250))
        #expect(try Fault("redirect,location=http://127.0.0.1:9/").location == "http://127.0.0.1:9/")
        #expect(try Fault(Fault("drip,interval=0.25,count=3").description).interval == .milliseconds(250))
    }

    @Test(arguments: Fault.Kind.allCases)
    func everyKindIsUnderstoodAndExplained(kind: Fault.Kind) throws {
        #expect(try Fault(kind.name).kind == kind)
        #expect(Fault.help.contains("\(kind.name) "))
        #expect(!kind.summary.isEmpty)
        for parameter in kind.parameters {
            #expect(kind.summary.contains("`\(parameter.rawValue)`") || kind == .foreignNext)
        }
    }

    @Test(arguments: [
        ("", "Unknown kind ``"),
        ("explode", "Unknown kind `explode`. Allowed: status, redirect"),
        ("hang,status=500", "`hang` does not take `status`. Allowed: count."),
        ("hang,count=0", "`count` is `0`. Allowed: 1 to"),
        ("hang,count=-1", "`count` is `-1`"),
        ("hang,now", "`now` in `hang,now` has no value"),
        ("199", "`status` is `199`. Allowed: 200 to 599."),
        ("600", "`status` is `600`"),
        ("status,status=abc", "`status` is `abc`"),
        ("drip,interval=0", "`interval` is `0`"),
        ("drip,interval=nan", "`interval` is `nan`"),
        ("gzip-bomb,bytes=x", "`bytes` is `x`"),
        ("redirect,location=http://h/\r\nX: y", "`location` has a character a header cannot carry"),
    ])
    func mistakesAreNamed(text: String, expected: String) {
        do {
            let fault = try Fault(text)
            Issue.record("\(fault) was accepted")
        } catch {
            #expect(error.description.contains(expected))
        }
    }

    @Test func aKindIsNeeded() {
        #expect(throws: SimulatorError.self) { try Fault(parameters: [("count", "1")]) }
    }

    private struct Element: Decodable {
        var id: String?
        var name: String?
        var status: String?
    }

    /// The number of elements that a decoder reads besides the one sound instance, for faults within JSON.
    @Test(arguments: [
        (Fault.Kind.duplicateIDs, 2), (.hostileNames, 11), (.unknownStatus, 1), (.invalidInstance, 1), (.emptyList, -1),
    ])
    func addedElementsAreSoundJSON(kind: Fault.Kind, added: Int) throws {
        for count in [0, 1] {
            let list = ListForm.array(SimulatedAccount(instances: count, seed: 1).instances)
            let body = try #require(Fault(kind).body(list: list))
            let elements = try JSONDecoder().decode([Element].self, from: Data(body))
            #expect(elements.count == (kind == .emptyList ? 0 : count + added))
        }
    }

    @Test func duplicatesHaveOneID() throws {
        let body = try #require(Fault(.duplicateIDs).body(list: Array("[]".utf8)))
        let elements = try JSONDecoder().decode([Element].self, from: Data(body))
        #expect(elements[0].id == elements[1].id)
        #expect(elements[0].name != elements[1].name)
    }

    @Test func hostileNamesAreAsLongAsAsked() throws {
        var fault = Fault(.hostileNames)
        fault.bytes = 5000
        let body = try #require(fault.body(list: Array("[]".utf8)))
        let names = try JSONDecoder().decode([Element].self, from: Data(body)).compactMap(\.name)
        #expect(names.contains(String(repeating: "x", count: 5000)))
        #expect(names.contains { $0.contains("\n") } && names.contains { $0.contains("\"") })
        #expect(names.contains { $0.contains("\\") } && names.contains("") && names.contains { $0.contains("🚀") })
    }

    /// The wrong bytes themselves, where no decoder may accept them.
    @Test func brokenDocuments() throws {
        let list = Array(#"[{"id":"a"}]"#.utf8)
        func body(_ kind: Fault.Kind) throws -> [UInt8] { try #require(Fault(kind).body(list: list)) }
        #expect(try body(.truncated) == Array(#"[{"id""#.utf8))
        #expect(try body(.byteOrderMark) == [0xEF, 0xBB, 0xBF] + list)
        #expect(try body(.secondDocument) == list + list)
        #expect(try body(.trailingGarbage).starts(with: list) && body(.trailingGarbage).count > list.count)
        #expect(try String(validating: body(.invalidUTF8), as: UTF8.self) == nil)
        #expect(try body(.deepNesting).count == 200_000)
        #expect(try body(.empty).isEmpty)
    }
}
