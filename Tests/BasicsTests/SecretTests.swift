import Basics
import FoundationEssentials
import Testing

struct SecretTests {
    @Test func neverPrintsItself() throws {
        let secret = try Secret("  12|abcdef\n")
        var dumped = ""
        dump(TokenSource.environment(name: "X", secret), to: &dumped)
        for text in ["\(secret)", String(reflecting: secret), dumped, "\(TokenSource.environment(name: "X", secret))"] {
            #expect(!text.contains("abcdef"))
        }
        #expect(secret.authorization == "Bearer 12|abcdef")
    }

    @Test(arguments: ["", " \n\t", "\u{FEFF}\r\n", "a b", "a\nb", "Bearer 1|x", "a\u{0}b", "clé"])
    func rejectsWhatNoHeaderCanCarry(text: String) {
        let error = #expect(throws: Problem.self) { try Secret(text) }
        #expect(error?.description.contains("clé") == false)
    }

    @Test(arguments: [
        ("\"1|k3y\"", "quotes"), ("'1|k3y'", "quotes"), ("`1|k3y`", "quotes"), ("\u{201C}1|k3y\u{201D}", "quotes"),
        ("\"1|k3y", "quotes"), ("1|k3y'", "quotes"), ("'HYPERSENDER_TOKEN=1|k3y'", "quotes"),
        ("HYPERSENDER_TOKEN=1|k3y", "NAME=value"), ("TOKEN=\"1|k3y\"", "NAME=value"), ("A1=k3y", "NAME=value"),
        ("_X=k3y", "NAME=value"), ("HYPERSENDER_TOKEN=", "NAME=value"), ("HYPERSENDER_TOKEN= 1|k3y", "NAME=value"),
        ("<k3y>", "placeholder"), ("<your k3y here>", "placeholder"), ("${k3y}", "placeholder"),
        ("{{ k3y }}", "placeholder"),
        ("1|k3y k3y", "white space"), ("1|k3y\tk3y", "white space"), ("1|k3y\nk3y", "line break"),
        ("1|k3y\r\nk3y", "line break"), ("1|k3y\u{A0}k3y", "white space"),
        ("1|k3y\\n", "backslash"), ("1|k3y\\r\\n", "backslash"), ("\\tk3y", "backslash"),
        ("Bearer 1|k3y", "Bearer"), ("bearer: k3y", "Bearer"), ("BEARER\tk3y", "Bearer"), ("Bearer", "Bearer"),
        ("1|k3y\u{0}", "control"), ("1|k3y\u{200B}k3y", "outside ASCII"), ("1|k3ÿ", "outside ASCII"),
    ])
    func saysWhatIsMoreThanAKey(text: String, word: String) {
        let error = #expect(throws: Problem.self) { try Secret(text) }
        #expect(error?.description.contains(word) == true, "\(error?.description ?? "")")
        #expect(error?.description.contains("k3") == false)
        #expect(throws: Problem.self) { try Secret(" \(text)\n") }
    }

    @Test(arguments: [
        "12|abcDEF", "c2VjcmV0a2V5MQ==", "ABCDEFGH=", "ABCDEFGHIJK2===", "abc=def", "HYPERSENDER_token=x", "1ABC=x",
        "=x",
        "bearerx", "Bearerkey1", "a<b", "a\"b", "a\\b", "x-._~+/",
    ])
    func takesWhatMayBeAKey(text: String) throws {
        #expect(try Secret(text).authorization == "Bearer \(text)")
    }

    @Test func filesAreReadAgainEachTime() throws {
        try withTemporaryFile("1|first\r\n") { path in
            let source = TokenSource.file(path: path)
            #expect(try source.read() == Secret("1|first"))
            try Data("\n2|second".utf8).write(to: URL(filePath: path))
            #expect(try source.read() == Secret("2|second"))
        }
    }

    @Test func unusableFilesAreNamed() throws {
        func problem(_ path: String) -> String {
            do throws(Problem) {
                _ = try TokenSource.file(path: path).read()
                return ""
            } catch {
                return error.description
            }
        }
        #expect(
            problem("/nonexistent/token")
                == "the token file \"/nonexistent/token\" cannot be opened: No such file or directory")
        #expect(!problem("77|SuperSecret").contains("SuperSecret"), "a key in the place of a file's name")
        #expect(problem("/dev/null").contains("not a regular file"))
        #expect(problem("/tmp").contains("not a regular file"))
        try withTemporaryFile(" \n") { #expect(problem($0).contains("is blank")) }
        try withTemporaryFile(String(repeating: "x", count: 70_000)) { #expect(problem($0).contains("larger than")) }
        try withTemporaryFile("\"1|k3y\"\n") {
            #expect(problem($0).contains("has quotes around it") && !problem($0).contains("k3y"))
        }
    }

    private func withTemporaryFile(_ contents: String, _ body: (String) throws -> Void) throws {
        let path = FileManager.default.temporaryDirectory.appending(path: "secret-\(UUID().uuidString)").path()
        try Data(contents.utf8).write(to: URL(filePath: path))
        defer { try? FileManager.default.removeItem(atPath: path) }
        try body(path)
    }
}

struct RedactionTests {
    @Test(arguments: [
        ("Unauthenticated.", "Unauthenticated."),
        ("Key 1234567|SecretAbc9 of +201012345678 999|Other42", "Key <redacted> of <redacted> <redacted>"),
        ("key|a1b2c3d4e5f6a1b2c3d4e5f6", "<redacted>"), ("Bearer: abc", "Bearer: <redacted>"),
        ("x bearer=abc", "x <redacted>"),
        ("a|b is no key", "a|b is no key"), ("", ""), ("Too Many Attempts.", "Too Many Attempts."),
        ("token 234|3uB2pBST2H6If8twXIeUaeNu is bad", "token <redacted> is bad"),
        ("x$2y$10$ab/c is bad", "<redacted> is bad"), ("'234|x' is bad", "<redacted> is bad"),
        ("Bearer abc refused", "Bearer <redacted> refused"),
        ("authorization:bearer abc", "authorization:bearer <redacted>"),
        ("phone +201234567890 unknown", "phone <redacted> unknown"), ("call +20 123 456 7890.", "call <redacted>."),
        ("call +201/234/567_890 or ２０１２３４５６７８", "call <redacted> or <redacted>"),
        ("call (020) 1234-5678, now", "call (<redacted>, now"), ("code 123456 at 10:12", "code 123456 at 10:12"),
        ("key 3uB2pBST2H6If8twXIeUaeNu23VJ8X", "key <redacted>"), ("a\nb\tc\u{1B}[31m\u{202E}d", "a b c [31m d"),
        ("filter[state] is not allowed", "filter[state] is not allowed"),
    ])
    func hidesCredentialsAndNumbers(text: String, expected: String) {
        #expect(Redaction.apply(to: text) == expected)
    }

    @Test(arguments: [
        ("30", "\"30\""), ("a\nb\u{1b}[31m", "\"a b [31m\""), ("a\u{2028}b", "\"a b\""), ("1|x", "<redacted>"),
        ("me@host", "<redacted>"),
    ])
    func quotesInOneLine(value: String, quoted: String) {
        #expect(Redaction.quote(value) == quoted)
    }

    @Test(arguments: [
        ("https://h/x?a=s3cr", "\"https://h/x…\""), ("https://h/#s3cr", "\"https://h/…\""),
        ("https://h/x", "\"https://h/x\""),
        ("https://me@h/?s3cr", "<redacted>"),
    ])
    func quotesAddressesWithoutTheirQuery(address: String, quoted: String) {
        #expect(Redaction.quoteAddress(address) == quoted)
    }

    @Test func cutsLongTexts() {
        #expect(Redaction.apply(to: String(repeating: "word ", count: 1_000_000)).count == 201)
        // A credential across the cut must not lose what makes it look like one.
        let text = String(repeating: "x ", count: 95) + "234|" + String(repeating: "s3cret", count: 50)
        #expect(!Redaction.apply(to: text).contains("s3cret"))
    }
}
