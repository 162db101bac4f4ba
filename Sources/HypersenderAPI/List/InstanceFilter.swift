import Basics
import FoundationEssentials

/// Narrows the list of instances, by the `filter[…]` query parameters of `GET /instances`.
///
/// Filters given together must all hold.
public struct InstanceFilter: Sendable, Hashable {
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
        "\(name.percentEncoded)=\(value.percentEncoded)"
    }

    /// Returns the decoded name of an encoded `name=value`; `nil` if it cannot be decoded.
    static func name(of pair: Substring) -> String? {
        URLComponents(string: "?" + repaired(pair))?.queryItems?.first?.name
    }

    /// Returns an encoded `name=value` with those bytes encoded that may not stand in a query (RFC 3986, section 3.4), such as brackets.
    ///
    /// Bytes that are encoded already stay as they are.
    static func repaired(_ pair: Substring) -> String {
        String.percentEncoding(pair.utf8) { byte, rest in
            switch byte {
            case UInt8(ascii: "%"): rest.prefix(2).count == 2 && rest.prefix(2).allSatisfy(isHexadecimal)
            default: String.isUnreserved(byte) || "!$&'()*+,;=:@/?".utf8.contains(byte)
            }
        }
    }

    private static func isHexadecimal(_ byte: UInt8) -> Bool {
        switch byte {
        case UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "a")...UInt8(ascii: "f"),
            UInt8(ascii: "A")...UInt8(ascii: "F"):
            true
        default: false
        }
    }
}
