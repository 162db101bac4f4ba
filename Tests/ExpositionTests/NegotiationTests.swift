import Testing

@testable import Exposition

struct NegotiationTests {
    private static let prometheus2 =
        "application/openmetrics-text;version=1.0.0,application/openmetrics-text;version=0.0.1;q=0.75,"
        + "text/plain;version=0.0.4;q=0.5,*/*;q=0.1"
    private static let prometheus3 =
        "application/openmetrics-text;version=1.0.0;escaping=allow-utf-8;q=0.6,"
        + "application/openmetrics-text;version=0.0.1;q=0.5,text/plain;version=1.0.0;escaping=allow-utf-8;q=0.4,"
        + "text/plain;version=0.0.4;q=0.3,*/*;q=0.2"
    private static let browser = "text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,*/*;q=0.8"

    @Test(
        arguments: [
            (nil, ExpositionFormat.text, nil), ("", .text, nil), ("*/*", .text, nil), ("text/*", .text, nil),
            ("image/png", .text, nil), (",,;;==,", .text, nil), (browser, .text, nil),
            ("text/plain", .text, nil), ("text/plain;version=0.0.4", .text, nil), ("text/plain; q=0", .text, nil),
            (prometheus2, .openMetrics, nil), (prometheus3, .openMetrics, .allowUTF8),
            ("application/openmetrics-text", .openMetrics, nil),
            ("APPLICATION/OpenMetrics-Text ; Version=\"1.0.0\"", .openMetrics, nil),
            ("application/openmetrics-text;version=2.0.0", .text, nil),
            ("application/openmetrics-text;version=0.0.1,text/plain;q=0.5", .text, nil),
            ("application/openmetrics-text;q=0", .text, nil),
            ("application/openmetrics-text;q=0,*/*", .text, nil),
            ("application/openmetrics-text;q=0.5,text/plain;q=0.6", .text, nil),
            ("application/openmetrics-text;q=0.600,text/plain;q=0.59", .openMetrics, nil),
            ("application/openmetrics-text;version=1.0.0,text/plain", .openMetrics, nil),
            ("text/plain;version=0.0.4,application/openmetrics-text", .text, nil),
            ("text/plain,application/openmetrics-text", .text, nil),
            ("application/openmetrics-text;q=nonsense,text/plain;q=0.1", .text, nil),
            ("application/openmetrics-text;q=1.7", .openMetrics, nil),
            ("application/openmetrics-text;version=1.0.0;escaping=underscores", .openMetrics, .underscores),
            ("application/openmetrics-text;version=1.0.0;escaping=values", .openMetrics, .values),
            ("application/openmetrics-text;version=1.0.0;escaping=dots", .openMetrics, .underscores),
            ("application/openmetrics-text;version=1.0.0;escaping=zigzag", .openMetrics, nil),
            ("text/plain;version=0.0.4;escaping=allow-utf-8", .text, .allowUTF8),
            ("text/plain;note=\"a,application/openmetrics-text\"", .text, nil),
            ("text/plain;note=\"unclosed, application/openmetrics-text", .text, nil),
        ] as [(String?, ExpositionFormat, EscapingScheme?)])
    func choosesTheFormat(accept: String?, format: ExpositionFormat, escaping: EscapingScheme?) {
        let choice = Negotiation(accept: accept, acceptEncoding: nil)
        #expect(choice.format == format)
        #expect(choice.escaping == escaping)
        #expect(!choice.gzip)
    }

    @Test(
        arguments: [
            (nil, false), ("", false), ("gzip", true), ("GZIP", true), ("x-gzip", true), ("gzip, deflate, br", true),
            ("deflate", false), ("identity", false), ("gzip;q=0", false), ("gzip;q=0.000", false),
            ("gzip;q=0.001", true),
            ("*", true), ("*;q=0", false), ("gzip;q=0,*", false), ("identity;q=0.5,gzip;q=0.5", true),
            ("identity,gzip;q=0.5", false), ("identity;q=0", false), ("identity;q=0,gzip", true), ("gzip;q=abc", false),
            ("br;q=1.0, gzip;q=0.8, *;q=0.1", true), ("notgzip", false), ("gzip ; q=0.5", true),
        ] as [(String?, Bool)])
    func choosesTheEncoding(acceptEncoding: String?, gzip: Bool) {
        #expect(Negotiation(accept: nil, acceptEncoding: acceptEncoding).gzip == gzip)
    }

    @Test func contentTypesNameTheFormat() {
        #expect(ExpositionFormat.text.contentType() == "text/plain; version=0.0.4; charset=utf-8")
        #expect(
            ExpositionFormat.openMetrics.contentType(escaping: .allowUTF8)
                == "application/openmetrics-text; version=1.0.0; charset=utf-8; escaping=allow-utf-8")
    }
}
