import Basics

/// The body of a response that is not a list, or its beginning: its kind and its message.
struct ErrorBody {
    /// The kinds of body: nothing but white space; JSON, as far as it was read; a web page or other markup; or others.
    enum Kind { case empty, json, markup, other }

    let kind: Kind
    /// The `message` of JSON, or the title of a web page, fit to be printed; `nil` if there is none.
    let message: String?

    /// Whether it does not look like an API's.
    var isForeign: Bool { kind == .markup || kind == .other }

    /// - Parameter isWhole: Whether the body was read to its end.
    init(_ bytes: [UInt8], isWhole: Bool, token: Secret) {
        let isJSON = isWhole && Self.isJSON(bytes)
        switch bytes.first(where: { ![0x20, 0x09, 0x0A, 0x0D, 0xEF, 0xBB, 0xBF].contains($0) }) {
        case nil: kind = .empty
        case UInt8(ascii: "{"), UInt8(ascii: "["): kind = isJSON || !isWhole ? .json : .other
        case UInt8(ascii: "<"): kind = .markup
        default: kind = isJSON ? .json : .other
        }
        let text = kind == .json ? Self.message(in: bytes) : Self.title(in: bytes)
        message = text.map { Redaction.apply(to: token.redacted(in: $0)) }.flatMap { $0.isEmpty ? nil : $0 }
    }

    private static func isJSON(_ bytes: [UInt8]) -> Bool {
        guard var reader = try? JSONReader(bytes) else { return false }
        return (try? reader.skipValue()) != nil && (try? reader.readEnd()) != nil
    }

    /// Returns the `message`, the `error.message` or the `error` of a JSON object, as it came.
    private static func message(in bytes: [UInt8]) -> String? {
        guard var reader = try? JSONReader(bytes), reader.kind == .object else { return nil }
        var message, error: String?
        // A body that is cut short may have told before.
        try? reader.readObject { (key, reader) throws(JSONError) in
            switch key {
            case "message": message = try reader.readString()
            case "error" where reader.kind == .object:
                try reader.readObject { (key, reader) throws(JSONError) in
                    let text = try reader.readString()
                    if key == "message" { error = text }
                }
            case "error": error = try reader.readString()
            default: try reader.skipValue()
            }
        }
        return [message, error].compactMap(\.self).first { !$0.isEmpty }
    }

    /// Returns the content of the `title` element of a web page, as it came.
    private static func title(in bytes: [UInt8]) -> String? {
        let tag = Array("<title".utf8)
        let lowered = bytes.map { (0x41...0x5A).contains($0) ? $0 | 0x20 : $0 }
        guard let start = lowered.indices.first(where: { lowered[$0...].starts(with: tag) }),
            let open = bytes[start...].firstIndex(of: UInt8(ascii: ">")),
            let end = bytes[open...].firstIndex(of: UInt8(ascii: "<"))
        else { return nil }
        return String(decoding: bytes[(open + 1)..<end], as: UTF8.self)
    }
}
