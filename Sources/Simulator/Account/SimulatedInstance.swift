import Basics
import FoundationEssentials

/// An element of the answer to `GET /instances`, with the fields that the vendor's page documents.
struct SimulatedInstance: Sendable, Equatable {
    /// A UUID, in lower case.
    var id: String
    /// At most 50 characters, unique in the account.
    var name: String
    /// In E.164 form, unique in the account.
    var phone: String
    var status: SimulatedStatus
    /// The instance's own token; `nil` while it is not connected.
    var accessToken: String?
    /// A time such as `2025-05-26T10:12:45`, without a zone, as documented.
    var createdAt: String
}

extension SimulatedInstance {
    /// Derives an instance from the account's seed and the instance's serial number alone.
    init(serial: Int, seed: UInt64) {
        var generator = SeededGenerator(seed: seed, stream: UInt64(serial) &* 2)
        var offsets = SeededGenerator(seed: seed, stream: .max)
        let offset = Int(offsets.next() % 1_000_003)
        id = Self.uuid(&generator)
        name = Self.name(serial: serial, offset: offset)
        phone = Self.phone(serial: serial, offset: offset, &generator)
        status = .pending
        accessToken = "\(1000 + serial)|\(generator.alphanumerics(48))"
        // A second of 2024 or 2025.
        let time = UTCTime(1_704_067_200 + Double(generator.below(731) * 86_400 + generator.below(86_400)))
        createdAt = "\(time.date)T\(time.clock)"
    }

    /// Returns a random UUID (RFC 9562, version 4).
    private static func uuid(_ generator: inout SeededGenerator) -> String {
        let high = generator.next() & ~0xF000 | 0x4000
        let low = generator.next() & ~(0b11 << 62) | (0b10 << 62)
        let uuid = withUnsafeBytes(of: (high.bigEndian, low.bigEndian)) { UUID(uuid: $0.load(as: uuid_t.self)) }
        return uuid.uuidString.lowercased()
    }

    private static let teams = [
        "Support", "Sales", "Ventas", "Kundendienst", "営業", "مبيعات", "Отдел продаж", "Livraisons", "Reservas",
        "Billing", "Clínica", "Loja 🛒",
    ]
    private static let places = [
        "Cairo", "Riyadh", "México", "Zürich", "大阪", "القاهرة", "Київ", "São Paulo", "Kraków", "İstanbul", "Lagos",
        "Nairobi", "Jakarta", "Montréal", "Αθήνα", "मुंबई", "Dubai", "Köln", "Lima",
    ]

    /// Returns a team and a place; a number is added once every pair is used.
    private static func name(serial: Int, offset: Int) -> String {
        // 12 and 19 share no divisor, so walking both lists at once meets every pair once.
        let step = serial + offset
        let pair = "\(teams[step % teams.count]) \(places[step % places.count])"
        let round = serial / (teams.count * places.count)
        return round == 0 ? pair : "\(pair) \(round + 1)"
    }

    private static let prefixes = ["+2010", "+9665", "+5255", "+4915", "+3361", "+8190", "+9198", "+2348"]

    /// Returns a country's prefix and eight digits that no two serials up to a hundred million share.
    private static func phone(serial: Int, offset: Int, _ generator: inout SeededGenerator) -> String {
        let prefix = prefixes[generator.below(prefixes.count)]
        // 7,654,321 shares no divisor with a hundred million, so the product visits each remainder once.
        let digits = (serial + offset) * 7_654_321 % 100_000_000
        return prefix + String(100_000_000 + digits).dropFirst()
    }
}
