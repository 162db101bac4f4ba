import Basics

/// Decodes the list from the pages of a response.
///
/// A page is an array of instances, by itself or under `data`, with the signs of further pages beside it. In place of
/// an array there may be an object whose keys are all whole numbers, which is how PHP encodes a list with gaps.
/// Anything else is an error and never an empty list.
struct InstanceListDecoder {
    /// The numbers of elements that were found.
    struct Elements: Equatable {
        /// On all pages, including those that repeat an id or cannot be read.
        var all = 0
        /// On the last page alone.
        var ofPage = 0
        /// Those of all pages that have no readable id.
        var withoutID = 0
        /// Those whose id stands on an earlier page too.
        var repeated = 0
    }

    private(set) var elements = Elements()
    private var counts = InstanceList()
    private var cache: ElementCache
    /// Returns the part of a phone number that is kept.
    private let phone: @Sendable (String) -> String?

    /// - Parameters:
    ///   - phone: Returns the part of a phone number to keep.
    ///   - previous: The list that was read before with the same `phone`. Its unchanged elements are not read again.
    init(phone: @escaping @Sendable (String) -> String? = { _ in nil }, previous: ReadList? = nil) {
        self.phone = phone
        cache = ElementCache(previous ?? ReadList())
    }

    /// The list so far.
    var list: InstanceList {
        var list = counts
        (list.instances, list.withoutID) = (cache.read.instances, elements.withoutID)
        return list
    }

    /// The list so far, for the next one to be read faster.
    var readList: ReadList { cache.read }

    /// The length of the longest id in bytes; a longer one is none. The API's are UUIDs.
    static let maximumIDLength = 256
    /// The length at which a text is cut; the API allows a name 50 characters.
    static let maximumTextLength = 256
    /// Reads one page.
    ///
    /// - Returns: Its signs of further pages.
    mutating func decode(page bytes: [UInt8]) throws(JSONError) -> PageSigns {
        counts.bytes += bytes.count
        elements.ofPage = 0
        // The API writes about 256 bytes an element.
        cache.beginPage(expecting: bytes.count / 256)
        var reader = try JSONReader(bytes)
        var signs = PageSigns()
        switch reader.kind {
        case .array: try reader.readArray { (reader) throws(JSONError) in try readElement(&reader) }
        case .object: signs = try readPage(&reader)
        default: throw reader.problem("a list of instances should stand here")
        }
        try reader.readEnd()
        return signs
    }

    /// Reads a page that is an object.
    private mutating func readPage(_ reader: inout JSONReader) throws(JSONError) -> PageSigns {
        var signs = PageSigns()
        var (lists, numbered, others) = (0, 0, 0)
        try reader.readObject { (key, reader) throws(JSONError) in
            switch (key, reader.kind) {
            case (_, .object) where others == 0 && lists == 0 && Self.isWholeNumber(key):
                numbered += 1
                try readElement(&reader)
            case ("data", .array):
                lists += 1
                try reader.readArray { (reader) throws(JSONError) in try readElement(&reader) }
            case ("data", .object):
                lists += 1
                try readNumberedElements(&reader)
            default:
                others += 1
                if try isError(key, reader) {
                    throw JSONError(offset: 0, problem: "the object says that it is an error")
                }
                try signs.read(key, from: &reader)
            }
        }
        guard lists + others == 0 ? numbered > 0 : lists == 1 && numbered == 0 else {
            throw JSONError(offset: 0, problem: "the object holds no list of instances under \"data\"")
        }
        return signs
    }

    /// Whether a key is a whole number, as PHP writes those of a list with gaps.
    private static func isWholeNumber(_ key: String) -> Bool {
        !key.isEmpty && key.utf8.allSatisfy(\.isDigit)
    }

    /// Whether a member of the page says that the page is an error, whatever else it holds.
    private func isError(_ key: String, _ reader: JSONReader) throws(JSONError) -> Bool {
        var ahead = reader
        switch (key, reader.kind) {
        case ("success", _): return try ahead.readScalar() == "false"
        case ("error", .string), ("error", .other), ("errors", .string), ("errors", .other):
            return !["", "false", "0"].contains(try ahead.readScalar())
        case ("error", .object), ("error", .array), ("errors", .object), ("errors", .array): return !reader.isEmpty
        default: return false
        }
    }

    /// Reads an object whose keys are all whole numbers and whose values are all elements; it may not be empty.
    private mutating func readNumberedElements(_ reader: inout JSONReader) throws(JSONError) {
        let start = elements.all
        try reader.readObject { (key, reader) throws(JSONError) in
            guard reader.kind == .object, Self.isWholeNumber(key) else {
                throw reader.problem("\"data\" is neither a list nor an object with numbers for keys")
            }
            try readElement(&reader)
        }
        guard elements.all > start else {
            throw JSONError(offset: 0, problem: "\"data\" is an empty object where a list should stand")
        }
    }

    private mutating func readElement(_ reader: inout JSONReader) throws(JSONError) {
        elements.all += 1
        elements.ofPage += 1
        if cache.skipUnchanged(&reader) { return }
        let start = reader.position
        guard let (instance, hasStatus) = try readInstance(&reader) else {
            elements.withoutID += 1
            return
        }
        // An element with an unknown status says more than its instance keeps.
        let bytes = instance.status == .unknown ? [] : reader.bytes[start..<reader.position]
        switch cache.add(instance, Fingerprint(bytes)) {
        case .none: counts.withoutStatus += hasStatus ? 0 : 1
        case .thisPage: counts.duplicates += 1
        case .earlierPage: elements.repeated += 1
        }
    }

    /// Reads one element, and whether it has a status; `nil` if it is no object or has no readable id.
    private mutating func readInstance(
        _ reader: inout JSONReader
    ) throws(JSONError) -> (instance: Instance, hasStatus: Bool)? {
        guard reader.kind == .object else {
            try reader.skipValue()
            return nil
        }
        var id, name, phone, serviceType, statusName, createdAt: String?
        var hasAccessToken: Bool?
        try reader.readObject { (key, reader) throws(JSONError) in
            switch key {
            case "id": id = try reader.readString()
            case "name": name = try reader.readString()
            case "phone": phone = try reader.readString()
            case "service_type": serviceType = try reader.readString()
            case "status": statusName = try reader.readString()
            case "created_at": createdAt = try reader.readString()
            case "access_token":
                hasAccessToken = reader.kind == .string ? true : reader.kind == .null ? false : nil
                try reader.skipValue()
            default: try reader.skipValue()
            }
        }
        guard let id, !id.isEmpty, id.utf8.count <= Self.maximumIDLength else { return nil }
        let status = statusName.map { InstanceStatus(api: $0) } ?? .unknown
        if let statusName, status == .unknown { counts.unknownStatuses.insert(Self.shortened(statusName)) }
        let details = Instance.Details(
            phone: phone.flatMap { $0.isEmpty ? nil : self.phone(Self.shortened($0)) },
            serviceType: Self.shortened(serviceType ?? ""), hasAccessToken: hasAccessToken,
            createdAt: createdAt.flatMap { Timestamp.seconds($0) })
        return (Instance(id: id, name: Self.shortened(name ?? ""), status: status, details: details), statusName != nil)
    }

    private static func shortened(_ text: String) -> String {
        guard text.utf8.count > maximumTextLength, text.unicodeScalars.count > maximumTextLength else { return text }
        return String(String.UnicodeScalarView(text.unicodeScalars.prefix(maximumTextLength))) + "…"
    }
}
