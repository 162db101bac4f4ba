/// Narrows the list of instances, by the `filter[…]` query parameters of `GET /instances`.
///
/// Filters given together must all hold.
public struct InstanceFilter: Sendable, Equatable {
    /// Exactly this instance.
    public var uuid: String?
    /// Instances whose name contains this.
    public var name: String?
    /// Exactly this phone number, in E.164 form.
    public var phone: String?
    /// Instances with this status.
    public var status: String?

    public init(uuid: String? = nil, name: String? = nil, phone: String? = nil, status: String? = nil) {
        self.uuid = uuid
        self.name = name
        self.phone = phone
        self.status = status
    }

    /// The query parameters, names and values not yet encoded.
    var queryItems: [QueryItem] {
        [("uuid", uuid), ("name", name), ("phone", phone), ("status", status)].compactMap { key, value in
            value.map { QueryItem(name: "filter[\(key)]", value: $0) }
        }
    }
}

/// A name and a value of a URL's query.
struct QueryItem: Equatable {
    var name: String
    var value: String

    /// `name=value`, everything but RFC 3986's unreserved characters percent-encoded.
    var encoded: String {
        "\(Self.encode(name))=\(Self.encode(value))"
    }

    private static func encode(_ text: String) -> String {
        var bytes: [UInt8] = []
        let hexadecimal = Array("0123456789ABCDEF".utf8)
        for byte in text.utf8 {
            switch byte {
            case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
                UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "-"), UInt8(ascii: "."), UInt8(ascii: "_"),
                UInt8(ascii: "~"):
                bytes.append(byte)
            default:
                bytes += [UInt8(ascii: "%"), hexadecimal[Int(byte >> 4)], hexadecimal[Int(byte & 15)]]
            }
        }
        return String(decoding: bytes, as: UTF8.self)
    }
}
