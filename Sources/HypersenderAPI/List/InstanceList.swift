import Basics

/// What the API said when it was asked for the list of instances.
public struct InstanceList: Sendable, Equatable {
    /// The instances in the API's order, each id once.
    public var instances: [Instance]
    /// The number of elements that repeated an id of the same page; the first is kept.
    public var duplicates: Int
    /// The number of elements without a readable status, which are shown as `unknown`.
    public var withoutStatus: Int
    /// The number of elements without a readable id, which are left out.
    public var withoutID: Int
    /// The statuses outside the documented six, as the API spells them, each once.
    public var unknownStatuses: Set<String>
    /// The size of the answer in bytes, after decompression, over all its pages.
    public var bytes: Int
    /// What the last page's header fields said of the rate limit.
    public var rateLimit: RateLimit
    /// The time since the origin gave the oldest page, in seconds, as caches on the way tell it.
    public var age: Double

    /// The number of elements without a readable id or status.
    public var invalid: Int { withoutStatus + withoutID }

    public init(
        instances: [Instance] = [], duplicates: Int = 0, withoutStatus: Int = 0, withoutID: Int = 0,
        unknownStatuses: Set<String> = [], bytes: Int = 0, rateLimit: RateLimit = RateLimit(), age: Double = 0
    ) {
        self.instances = instances
        self.duplicates = duplicates
        self.withoutStatus = withoutStatus
        self.withoutID = withoutID
        self.unknownStatuses = unknownStatuses
        self.bytes = bytes
        self.rateLimit = rateLimit
        self.age = age
    }
}

/// Gathers the list from the pages of an answer.
///
/// A page is an array of instances, by itself or under `data`, with the signs of further pages beside it. In the place of an array there may
/// be an object whose keys are all whole numbers, which is what PHP makes of a list with gaps. Anything else is an error and never an empty
/// list.
struct InstanceListDecoder {
    /// The numbers of elements that were found.
    struct Elements: Equatable {
        /// On all pages, those included that repeat an id or cannot be read.
        var all = 0
        /// On the last page alone.
        var ofPage = 0
        /// Those of all pages that have an id.
        var identified = 0
        /// Those whose id stands on an earlier page too.
        var repeated = 0
    }

    private(set) var list = InstanceList()
    private(set) var elements = Elements()
    /// The marks of the elements that the list's instances were read from.
    private var marks: [JSONReader.Mark] = []
    /// Returns what is kept of a phone number.
    private let phone: @Sendable (String) -> String?
    private var ids: KnownIDs

    /// - Parameters:
    ///   - phone: what to keep of a phone number.
    ///   - previous: the list that was read before with the same `phone`. What has not changed since is not read again.
    init(phone: @escaping @Sendable (String) -> String? = { _ in nil }, previous: ReadList? = nil) {
        self.phone = phone
        ids = KnownIDs(previous)
    }

    /// The list that was read, for the next one to be read faster.
    var readList: ReadList {
        ReadList(instances: list.instances, marks: marks)
    }

    /// An id longer than this is none: the API's are UUIDs.
    static let longestID = 256
    /// About the bytes of an element, as the API writes it.
    private static let usualSize = 256
    /// A text longer than this is cut: the API allows a name 50 characters.
    static let longestText = 256

    /// Reads one page.
    ///
    /// - Returns: its signs of further pages.
    mutating func decode(page bytes: [UInt8]) throws(JSONError) -> PageSigns {
        list.bytes += bytes.count
        elements.ofPage = 0
        ids.beginPage()
        var reader = try JSONReader(bytes)
        var signs = PageSigns()
        // Growing step by step would copy everything several times.
        let expected = list.instances.count + bytes.count / Self.usualSize
        list.instances.reserveCapacity(expected)
        marks.reserveCapacity(expected)
        switch reader.kind {
        case .array:
            try reader.readArray { (reader) throws(JSONError) in try readElement(&reader) }
        case .object:
            signs = try readPage(&reader)
        default:
            throw reader.problem("a list of instances should stand here")
        }
        try reader.readEnd()
        return signs
    }

    /// Reads a page that is an object.
    private mutating func readPage(_ reader: inout JSONReader) throws(JSONError) -> PageSigns {
        var signs = PageSigns()
        var lists = 0
        var numbered = 0
        var others = 0
        try reader.readObject { (key, reader) throws(JSONError) in
            if others == 0, lists == 0, reader.kind == .object, reader.isWholeNumber(key) {
                numbered += 1
                try readElement(&reader)
            } else if reader.is(key, "data"), reader.kind == .array {
                lists += 1
                try reader.readArray { (reader) throws(JSONError) in try readElement(&reader) }
            } else if reader.is(key, "data"), reader.kind == .object {
                lists += 1
                try readNumberedElements(&reader)
            } else {
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

    /// Whether a member of the page says that the page is an error, whatever else it holds.
    private func isError(_ key: JSONReader.Key, _ reader: JSONReader) throws(JSONError) -> Bool {
        var ahead = reader
        if reader.is(key, "success") {
            return try ahead.readScalarIfAny() == "false"
        }
        guard reader.is(key, "error") || reader.is(key, "errors") else {
            return false
        }
        switch reader.kind {
        case .string, .other:
            let text = try ahead.readScalarIfAny()
            return text != "" && text != "false" && text != "0"
        case .object, .array:
            return try !ahead.skipIfEmpty()
        case .null, nil:
            return false
        }
    }

    /// Reads an object whose keys are all whole numbers and whose values are all elements; it may not be empty.
    private mutating func readNumberedElements(_ reader: inout JSONReader) throws(JSONError) {
        let start = elements.all
        try reader.readObject { (key, reader) throws(JSONError) in
            guard reader.kind == .object, reader.isWholeNumber(key) else {
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
        if let (instance, mark) = ids.takeNext(from: &reader) {
            elements.identified += 1
            list.instances.append(instance)
            marks.append(mark)
            return
        }
        let start = reader.position
        guard let (instance, hasStatus) = try readInstance(&reader) else {
            list.withoutID += 1
            return
        }
        elements.identified += 1
        switch ids.take(instance) {
        case .new(let instance):
            list.withoutStatus += hasStatus ? 0 : 1
            list.instances.append(instance)
            // An element with an unknown status says more than its instance keeps.
            marks.append(instance.status == .unknown ? .none : reader.mark(from: start))
        case .onThisPage:
            list.duplicates += 1
        case .onEarlierPage:
            elements.repeated += 1
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
        var id: String?
        var name: String?
        var phone: String?
        var serviceType: String?
        var statusName: String?
        var hasAccessToken: Bool?
        var createdAt: String?
        try reader.readObject { (key, reader) throws(JSONError) in
            if reader.is(key, "id") {
                id = try reader.readStringIfAny()
            } else if reader.is(key, "name") {
                name = try reader.readStringIfAny()
            } else if reader.is(key, "phone") {
                phone = try reader.readStringIfAny()
            } else if reader.is(key, "service_type") {
                serviceType = try reader.readStringIfAny()
            } else if reader.is(key, "status") {
                statusName = try reader.readStringIfAny()
            } else if reader.is(key, "created_at") {
                createdAt = try reader.readStringIfAny()
            } else if reader.is(key, "access_token") {
                switch reader.kind {
                case .string: hasAccessToken = true
                case .null: hasAccessToken = false
                default: hasAccessToken = nil
                }
                try reader.skipValue()
            } else {
                try reader.skipValue()
            }
        }
        guard let id, !id.isEmpty, id.utf8.count <= Self.longestID else {
            return nil
        }
        let status = statusName.map { InstanceStatus(api: $0) } ?? .unknown
        if let statusName, status == .unknown {
            list.unknownStatuses.insert(Self.shortened(statusName))
        }
        let instance = Instance(
            id: id, name: Self.shortened(name ?? ""),
            phone: phone.flatMap { $0.isEmpty ? nil : self.phone(Self.shortened($0)) },
            serviceType: Self.shortened(serviceType ?? ""), status: status, hasAccessToken: hasAccessToken,
            createdAt: createdAt.flatMap { Timestamp.seconds($0) })
        return (instance, statusName != nil)
    }

    private static func shortened(_ text: String) -> String {
        guard text.utf8.count > longestText, text.unicodeScalars.count > longestText else {
            return text
        }
        return String(String.UnicodeScalarView(text.unicodeScalars.prefix(longestText))) + "…"
    }
}
