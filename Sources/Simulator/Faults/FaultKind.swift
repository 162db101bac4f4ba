extension Fault {
    /// Everything that can go wrong, by the name it has on the command line and in the control requests.
    public enum Kind: String, Sendable, CaseIterable {
        // Answers that are not the list.
        case status, redirect, html
        case empty
        case emptyObject = "empty-object"
        case null, queued
        case emptyList = "empty-list"

        // The connection.
        case close, reset, hang, drip
        case connectionClose = "connection-close"
        case notHTTP = "not-http"
        case hangBody = "hang-body"

        // Lengths.
        case truncated
        case lengthLong = "length-long"
        case lengthShort = "length-short"
        case chunked, endless
        case gzipBomb = "gzip-bomb"
        case largeHeaders = "large-headers"
        case endlessHeaders = "endless-headers"

        // Documents that are not quite JSON.
        case invalidUTF8 = "invalid-utf8"
        case byteOrderMark = "bom"
        case loneSurrogate = "lone-surrogate"
        case trailingGarbage = "trailing-garbage"
        case secondDocument = "second-document"
        case deepNesting = "deep-nesting"

        // Lists with something wrong inside.
        case wrongTypes = "wrong-types"
        case invalidInstance = "invalid-instance"
        case duplicateIDs = "duplicate-ids"
        case hostileNames = "hostile-names"
        case unknownStatus = "unknown-status"
        case timestamps
        case foreignNext = "foreign-next"

        /// Its effect, in one line.
        public var summary: String {
            switch self {
            case .status: "answers with `status` and a JSON `message`; `retry-after` and `rate-limit-reset` add headers"
            case .redirect: "answers 302 to `location`, another host"
            case .html: "answers 200 with a web page"
            case .empty: "answers 200 with no body"
            case .emptyObject: "answers 200 with {}"
            case .null: "answers 200 with null"
            case .queued: "answers 200 with {\"queued\":true}"
            case .emptyList: "answers 200 with [], which is no fault: an account without instances"
            case .close: "closes the connection instead of answering"
            case .reset: "closes the connection in the middle of the body"
            case .hang: "never answers"
            case .hangBody: "sends half the body, then nothing more"
            case .drip: "sends the body byte by byte, one every `interval` seconds"
            case .connectionClose: "answers well, then closes the connection, which is no fault"
            case .notHTTP: "answers with something that is not HTTP"
            case .truncated: "sends half the list, with a Content-Length to match"
            case .lengthLong: "announces a longer body than it sends, then closes the connection"
            case .lengthShort: "announces a shorter body than it has"
            case .chunked: "sends the list in chunks without a Content-Length, which is no fault"
            case .endless: "sends instances without end"
            case .gzipBomb: "sends gzip that inflates to a sound, empty list of `bytes` (a GiB by default)"
            case .largeHeaders: "sends `bytes` of headers (a MiB by default) before the list"
            case .endlessHeaders: "sends headers without end"
            case .invalidUTF8: "adds an instance whose name is not UTF-8"
            case .byteOrderMark: "puts a byte order mark before the list"
            case .loneSurrogate: "adds an instance whose name is half an escaped surrogate pair"
            case .trailingGarbage: "puts garbage after the list"
            case .secondDocument: "sends the list twice in one body"
            case .deepNesting: "answers with nested arrays, `bytes` of them (100,000 by default)"
            case .wrongTypes: "answers with a list in which every field has the wrong type"
            case .invalidInstance: "adds an instance without id and status to the list"
            case .duplicateIDs: "adds two instances with the same id"
            case .hostileNames: "adds names with quotes, newlines, markup, emoji, and one of `bytes` (a MiB by default)"
            case .unknownStatus: "adds an instance with a status nobody documented"
            case .timestamps: "adds instances with created_at in every spelling, some unreadable"
            case .foreignNext: "answers with a page whose next link is `location`, on another origin"
            }
        }

        /// The parameters it takes, besides `count`.
        public var parameters: [Parameter] {
            switch self {
            case .status: [.status, .retryAfter, .rateLimitReset, .message]
            case .redirect, .foreignNext: [.location]
            case .gzipBomb, .largeHeaders, .deepNesting, .hostileNames: [.bytes]
            case .drip: [.interval]
            default: []
            }
        }
    }

    /// The parameters of faults, by the name they have on the command line and in the control requests.
    public enum Parameter: String, Sendable, CaseIterable {
        case count, status, message, location, bytes, interval
        case retryAfter = "retry-after"
        case rateLimitReset = "rate-limit-reset"
    }
}

extension Fault {
    /// Every kind with its parameters, one a line.
    public static let help = Kind.allCases.map { kind in
        let name = kind.rawValue + String(repeating: " ", count: max(1, 18 - kind.rawValue.count))
        return name + kind.summary
    }.joined(separator: "\n")
}
