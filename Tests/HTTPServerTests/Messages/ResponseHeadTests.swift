import NIOCore
import NIOEmbedded
import Testing

@testable import HTTPServer

@Suite struct ResponseHeadTests {
    private static let date = "Sun, 06 Nov 1994 08:49:37 GMT"

    private func text(
        _ response: Response, isHead: Bool = false, isHTTP10: Bool = false, keepsAlive: Bool = true
    )
        -> (head: ResponseHead, lines: [Substring])
    {
        var traits = RequestTraits()
        traits.isHead = isHead
        traits.isHTTP10 = isHTTP10
        let head = ResponseHead(response, to: traits, keepsAlive: keepsAlive)
        var buffer = ByteBuffer()
        head.write(to: &buffer, date: Self.date)
        let text = String(buffer: buffer)
        #expect(text.hasSuffix("\r\n\r\n"))
        return (head, text.split(separator: "\r\n"))
    }

    @Test func fixedBody() {
        let (head, lines) = text(Response(status: 200, headers: ["A": "b"], body: Body("12345")))
        #expect(lines == ["HTTP/1.1 200 OK", "Date: \(Self.date)", "A: b", "Content-Length: 5"])
        #expect(head.sendsBody && head.keepsAlive)
    }

    @Test func noBodyStillHasALength() {
        #expect(text(Response(status: 404)).lines.contains("Content-Length: 0"))
        #expect(text(Response(status: 404)).lines.first == "HTTP/1.1 404 Not Found")
    }

    @Test func headRequestGetsTheSameHeadOnly() {
        let response = Response(status: 200, body: Body("12345"))
        #expect(text(response, isHead: true).lines == text(response).lines)
        #expect(!text(response, isHead: true).head.sendsBody)
    }

    @Test(arguments: [204, 304])
    func statusWithoutBody(status: Int) {
        let (head, lines) = text(Response(status: status, body: Body("12345")))
        #expect(!head.sendsBody)
        #expect(!lines.contains { $0.hasPrefix("Content-Length") || $0.hasPrefix("Transfer-Encoding") })
    }

    @Test func connectionField() {
        #expect(text(Response(status: 200), keepsAlive: false).lines.last == "Connection: close")
        #expect(text(Response(status: 200), isHTTP10: true).lines.last == "Connection: keep-alive")
        let closing = text(Response(status: 200, headers: ["connection": "Close"]))
        #expect(closing.lines.last == "Connection: close")
        #expect(!closing.head.keepsAlive)
    }

    @Test func theServersFieldsCannotBeDoubled() {
        let headers: Headers = [
            "Content-Length": "9", "transfer-encoding": "gzip", "DATE": "x", "Connection": "upgrade",
        ]
        let (_, lines) = text(Response(status: 200, headers: headers, body: Body("12345")))
        #expect(lines == ["HTTP/1.1 200 OK", "Date: \(Self.date)", "Content-Length: 5"])
    }

    @Test func valuesCannotAddFields() {
        let headers: Headers = ["A": "x\r\nB: y\0\u{7f}", "C\r\nD": "z", "": "e", "F G": "h", "I": "tab\tö"]
        let (_, lines) = text(Response(status: 200, headers: headers))
        #expect(Array(lines.dropFirst(2)) == ["A: x  B: y  ", "I: tab\tö", "Content-Length: 0"])
    }

    @Test(arguments: [(100, 500), (101, 500), (-1, 500), (1000, 500), (299, 299), (599, 599)])
    func unusableStatus(given: Int, sent: Int) {
        #expect(text(Response(status: given)).lines.first?.hasPrefix("HTTP/1.1 \(sent)") == true)
    }

    @Test func dateIsMadeOnceASecond() {
        var now = 784_111_777
        let connections = EventLoopConnections(on: EmbeddedEventLoop()) { now }
        #expect(connections.currentDate == "Sun, 06 Nov 1994 08:49:37 GMT")
        now += 1
        #expect(connections.currentDate == "Sun, 06 Nov 1994 08:49:38 GMT")
    }
}
