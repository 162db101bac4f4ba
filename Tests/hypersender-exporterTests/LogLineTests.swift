import FoundationEssentials
import Glibc
import Logging
import Settings
import Synchronization
import Testing

@testable import hypersender_exporter

struct LogLineTests {
    @Test(arguments: [
        ("plain", "k=plain"), ("", #"k="""#), ("two words", #"k="two words""#), ("a=b", #"k="a=b""#),
        ("say \"x\"", #"k="say \"x\"""#),
        ("back\\slash", #"k="back\\slash""#), ("line\nlevel=error", #"k="line\nlevel=error""#),
        ("tab\tcr\r", #"k="tab\tcr\r""#),
        ("\u{1B}[31m", #"k="\u001b[31m""#), ("\u{202E}abc", #"k="\u202eabc""#), ("\u{2028}", #"k="\u2028""#),
        ("é😀", "k=é😀"),
        ("\u{E0001}", #"k="\udb40\udc01""#), ("\u{0}", #"k="\u0000""#),
    ])
    func quotesWhatIsNotPlain(value: String, line: String) throws {
        #expect(LogLine.text([("k", value)], .logfmt) == line)
        let json = LogLine.text([("k", value)], .json)
        #expect(try JSONDecoder().decode([String: String].self, from: Data(json.utf8)) == ["k": value])
    }

    @Test func timestampsAreRFC3339() {
        #expect(LogLine.timestamp(timespec(tv_sec: 1_748_254_365, tv_nsec: 7_999_999)) == "2025-05-26T10:12:45.007Z")
        #expect(LogLine.timestamp(timespec(tv_sec: 0, tv_nsec: 0)) == "1970-01-01T00:00:00.000Z")
    }

    @Test func eventsBecomeLines() throws {
        let written = Mutex<[UInt8]>([])
        for (format, expected) in [
            (LogFormat.logfmt, #" level=warn msg="Poll failed" account=acme error="no \"x\"" reason=connect"# + "\n"),
            (
                .json,
                #","level":"warn","msg":"Poll failed","account":"acme","error":"no \"x\"","reason":"connect"}"# + "\n"
            ),
        ] {
            written.withLock { $0 = [] }
            var logger = Logger(label: "test") { _ in
                LineLogHandler(level: .info, format: format) { bytes in written.withLock { $0 += bytes } }
            }
            logger[metadataKey: "account"] = "acme"
            logger[metadataKey: "reason"] = "overridden"
            logger.debug("not shown")
            logger.warning("Poll failed", metadata: ["reason": "connect", "error": "no \"x\""])
            let line = String(decoding: written.withLock { $0 }, as: UTF8.self)
            #expect(line.hasSuffix(expected), "\(line)")
            #expect(line.split(separator: "\n").count == 1)
        }
    }
}
