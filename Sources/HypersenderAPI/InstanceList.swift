/// What the API said when it was asked for the list of instances.
public struct InstanceList: Sendable, Equatable {
    /// The instances in the API's order, each id once.
    public var instances: [Instance]
    /// How many elements repeated an id that came before; the first is kept.
    public var duplicates: Int
    /// How many elements could not be read, for want of an id or a status, and were left out.
    public var invalid: Int
    /// The statuses outside the documented six, as the API spells them, each once.
    public var unknownStatuses: Set<String>
    /// The size of the answer in bytes, after decompression, over all its pages.
    public var bytes: Int
    /// What the last page's header fields said of the rate limit.
    public var rateLimit: RateLimit

    public init(
        instances: [Instance] = [], duplicates: Int = 0, invalid: Int = 0, unknownStatuses: Set<String> = [],
        bytes: Int = 0, rateLimit: RateLimit = RateLimit()
    ) {
        self.instances = instances
        self.duplicates = duplicates
        self.invalid = invalid
        self.unknownStatuses = unknownStatuses
        self.bytes = bytes
        self.rateLimit = rateLimit
    }
}

/// Gathers the list from the pages of an answer.
///
/// A page is a bare array of instances, the same under `data`, or a page with a link to the next one, under `links.next` or
/// `next_page_url`. Anything else is an error and never an empty list.
struct InstanceListDecoder {
    private(set) var list = InstanceList()
    /// What each of the list's instances was read from.
    private var marks: [JSONReader.Mark] = []
    /// What is kept of a phone number: none of it, unless asked for.
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

    /// Reads one page, and gives the address of the next where the page names one.
    mutating func decode(page bytes: [UInt8]) throws(JSONError) -> String? {
        list.bytes += bytes.count
        var reader = try JSONReader(bytes)
        var next: String?
        var elements = 0
        let invalidBefore = list.invalid
        // Growing step by step would copy everything several times.
        let expected = list.instances.count + bytes.count / Self.usualSize
        list.instances.reserveCapacity(expected)
        marks.reserveCapacity(expected)
        switch reader.kind {
        case .array:
            try readElements(&reader, count: &elements)
        case .object:
            next = try readEnvelope(&reader, count: &elements)
        default:
            throw reader.problem("a list of instances should stand here")
        }
        try reader.readEnd()
        // Where nothing at all can be read, the format has changed: that is a failure, and not an account without instances.
        if elements > 0, list.invalid - invalidBefore == elements {
            throw JSONError(offset: 0, problem: "none of the list's \(elements) elements has both an id and a status")
        }
        return next
    }

    private mutating func readEnvelope(
        _ reader: inout JSONReader, count: inout Int
    ) throws(JSONError) -> String? {
        var next: String?
        var lists = 0
        try reader.readObject { (key, reader) throws(JSONError) in
            if reader.is(key, "data"), reader.kind == .array {
                lists += 1
                try readElements(&reader, count: &count)
            } else if reader.is(key, "links"), reader.kind == .object {
                try reader.readObject { (key, reader) throws(JSONError) in
                    if reader.is(key, "next") {
                        next = try reader.readStringIfAny()
                    } else {
                        try reader.skipValue()
                    }
                }
            } else if reader.is(key, "next_page_url") {
                next = try reader.readStringIfAny() ?? next
            } else {
                try reader.skipValue()
            }
        }
        guard lists == 1 else {
            throw JSONError(offset: 0, problem: "the object holds no list of instances under \"data\"")
        }
        return next
    }

    private mutating func readElements(_ reader: inout JSONReader, count: inout Int) throws(JSONError) {
        try reader.readArray { (reader) throws(JSONError) in
            count += 1
            if let (instance, mark) = ids.takeNext(from: &reader) {
                list.instances.append(instance)
                marks.append(mark)
                return
            }
            let start = reader.position
            guard let instance = try readInstance(&reader) else {
                list.invalid += 1
                return
            }
            guard let instance = ids.take(instance) else {
                list.duplicates += 1
                return
            }
            list.instances.append(instance)
            // An element with an unknown status says more than its instance keeps.
            marks.append(instance.status == .unknown ? .none : reader.mark(from: start))
        }
    }

    /// Reads one element; nil where it is no object, or its id or status is no text.
    private mutating func readInstance(_ reader: inout JSONReader) throws(JSONError) -> Instance? {
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
        guard let id, !id.isEmpty, id.utf8.count <= Self.longestID, let statusName else {
            return nil
        }
        let status = InstanceStatus(api: statusName)
        if status == .unknown {
            list.unknownStatuses.insert(Self.shortened(statusName))
        }
        return Instance(
            id: id, name: Self.shortened(name ?? ""),
            phone: phone.flatMap { $0.isEmpty ? nil : self.phone(Self.shortened($0)) },
            serviceType: Self.shortened(serviceType ?? ""), status: status, hasAccessToken: hasAccessToken,
            createdAt: createdAt.flatMap { Timestamp.seconds($0) })
    }

    private static func shortened(_ text: String) -> String {
        guard text.utf8.count > longestText, text.unicodeScalars.count > longestText else {
            return text
        }
        return String(String.UnicodeScalarView(text.unicodeScalars.prefix(longestText))) + "…"
    }
}

/// A list as it was read, by which the next is read faster: most of its elements are the same, byte by byte, and mean the same therefore.
struct ReadList: Sendable {
    fileprivate let instances: [Instance]
    /// What each was read from; of no value where it must be read anew.
    fileprivate let marks: [JSONReader.Mark]
}

/// Which ids a list has so far, and which of them it had before.
private struct KnownIDs {
    private let previous: ReadList?
    /// Which of the previous instances are in this list too.
    private var taken: [Bool]
    /// The place of the previous instance that should come next, as lists mostly keep their order.
    private var next = 0
    /// How many bytes were looked at in vain, for elements that have changed.
    private var lookedAt = 0
    /// The places of the previous instances, where the order has changed.
    private var places: [ExactText: Int]?
    /// The ids that are new.
    private var new: Set<ExactText> = []

    init(_ previous: ReadList?) {
        self.previous = previous
        taken = Array(repeating: false, count: previous?.instances.count ?? 0)
    }

    /// Takes the previous instance that should come next where it does, unchanged, and passes over its element.
    mutating func takeNext(from reader: inout JSONReader) -> (Instance, JSONReader.Mark)? {
        // Whatever the lists are like, no more is looked at in vain than there is.
        guard let previous, next < taken.count, !taken[next], lookedAt < reader.count else {
            return nil
        }
        guard reader.skip(previous.marks[next]) else {
            lookedAt += previous.marks[next].length
            return nil
        }
        taken[next] = true
        defer { next += 1 }
        return (previous.instances[next], previous.marks[next])
    }

    /// Takes an instance whose element was read; nil where the list has its id already.
    mutating func take(_ instance: Instance) -> Instance? {
        guard let previous, let place = place(of: instance.id, in: previous.instances) else {
            return new.insert(ExactText(instance.id)).inserted ? instance : nil
        }
        if taken[place] {
            return nil
        }
        taken[place] = true
        next = place + 1
        return instance.sharing(previous.instances[place])
    }

    private mutating func place(of id: String, in instances: [Instance]) -> Int? {
        let id = ExactText(id)
        if next < instances.count, ExactText(instances[next].id) == id {
            return next
        }
        if places == nil {
            places = Dictionary(
                uniqueKeysWithValues: zip(instances.lazy.map { ExactText($0.id) }, instances.indices))
        }
        return places?[id]
    }
}
