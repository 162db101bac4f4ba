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

    /// Creates a filter; `nil` narrows nothing.
    public init(uuid: String? = nil, name: String? = nil, phone: String? = nil, status: String? = nil) {
        (self.uuid, self.name, self.phone, self.status) = (uuid, name, phone, status)
    }

    /// The query parameters, names and values not yet encoded.
    var queryItems: [QueryItem] {
        [("uuid", uuid), ("name", name), ("phone", phone), ("status", status)].compactMap { key, value in
            value.map { QueryItem(name: "filter[\(key)]", value: $0) }
        }
    }
}

/// A name and a value of a URL's query.
struct QueryItem {
    var name: String
    var value: String

    /// `name=value`, everything but RFC 3986's unreserved characters percent-encoded.
    var encoded: String { "\(name.percentEncoded)=\(value.percentEncoded)" }

    /// Returns the decoded name of an encoded `name=value`; `nil` if it cannot be decoded.
    static func name(of pair: Substring) -> String? {
        URLComponents(string: "?" + repaired(pair))?.queryItems?.first?.name
    }

    /// Encodes those bytes of an encoded `name=value` that may not stand in a query, such as brackets (RFC 3986, 3.4).
    ///
    /// Bytes that are encoded already stay as they are.
    static func repaired(_ pair: Substring) -> String {
        String.percentEncoding(pair.utf8) { byte, rest in
            switch Unicode.Scalar(byte) {
            case "%": rest.count >= 2 && rest.prefix(2).allSatisfy { Character(Unicode.Scalar($0)).isHexDigit }
            default: String.isUnreserved(byte) || "!$&'()*+,;=:@/?".utf8.contains(byte)
            }
        }
    }
}
