/// What stays the same in the life of an instance: made of the account's seed and the instance's serial number alone.
struct InstanceIdentity: Sendable {
    let id: String
    let name: String
    let phone: String
    let accessToken: String
    let createdAt: String

    init(serial: Int, seed: UInt64) {
        var generator = SeededGenerator(seed: seed, stream: UInt64(serial) &* 2)
        let offset = Int(SeededGenerator(seed: seed, stream: .max).first() % 1_000_003)
        id = Self.uuid(&generator)
        name = Self.name(serial: serial, offset: offset)
        phone = Self.phone(serial: serial, offset: offset, &generator)
        accessToken = "\(1000 + serial)|\(generator.alphanumerics(48))"
        createdAt = Self.timestamp(&generator)
    }

    /// A random UUID (RFC 9562, version 4).
    private static func uuid(_ generator: inout SeededGenerator) -> String {
        let high = generator.next() & ~0xF000 | 0x4000
        let low = generator.next() & ~(0b11 << 62) | (0b10 << 62)
        let digits = Array("0123456789abcdef".utf8)
        var text: [UInt8] = []
        text.reserveCapacity(36)
        for nibble in 0..<32 {
            if [8, 12, 16, 20].contains(nibble) { text.append(UInt8(ascii: "-")) }
            let half = nibble < 16 ? high : low
            text.append(digits[Int(half >> UInt64(60 - 4 * (nibble % 16)) & 0xF)])
        }
        return String(decoding: text, as: UTF8.self)
    }

    private static let teams = [
        "Support", "Sales", "Ventas", "Kundendienst", "営業", "مبيعات", "Отдел продаж", "Livraisons", "Reservas",
        "Billing", "Clínica", "Loja 🛒",
    ]
    private static let places = [
        "Cairo", "Riyadh", "México", "Zürich", "大阪", "القاهرة", "Київ", "São Paulo", "Kraków", "İstanbul", "Lagos",
        "Nairobi", "Jakarta", "Montréal", "Αθήνα", "मुंबई", "Dubai", "Köln", "Lima",
    ]

    /// Team and place; a number is added once every pair is used.
    private static func name(serial: Int, offset: Int) -> String {
        let pairs = teams.count * places.count
        // 12 and 19 share no divisor, so walking both lists at once meets every pair once.
        let step = serial + offset
        let pair = "\(teams[step % teams.count]) \(places[step % places.count])"
        let round = serial / pairs
        return round == 0 ? pair : "\(pair) \(round + 1)"
    }

    private static let prefixes = ["+2010", "+9665", "+5255", "+4915", "+3361", "+8190", "+9198", "+2348"]

    /// Eight digits that no two serials up to a hundred million share, after a prefix of a country.
    private static func phone(serial: Int, offset: Int, _ generator: inout SeededGenerator) -> String {
        let prefix = prefixes[generator.below(prefixes.count)]
        // 7,654,321 shares no divisor with a hundred million, so the product visits each remainder once.
        let subscriber = (serial + offset) * 7_654_321 % 100_000_000
        let digits = String(subscriber)
        return prefix + String(repeating: "0", count: 8 - digits.count) + digits
    }

    /// A second of 2024 or 2025.
    private static func timestamp(_ generator: inout SeededGenerator) -> String {
        var day = generator.below(731)
        let second = generator.below(86_400)
        let year = day < 366 ? 2024 : 2025
        if year == 2025 { day -= 366 }
        var month = 0
        let lengths = [31, year == 2024 ? 29 : 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31]
        while day >= lengths[month] {
            day -= lengths[month]
            month += 1
        }
        let clock = [second / 3600, second / 60 % 60, second % 60].map(twoDigits).joined(separator: ":")
        return "\(year)-\(twoDigits(month + 1))-\(twoDigits(day + 1))T\(clock)"
    }

    private static func twoDigits(_ number: Int) -> String {
        number < 10 ? "0\(number)" : "\(number)"
    }
}
