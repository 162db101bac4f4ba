import Monitoring

extension Duration {
    /// The duration in its two largest units, such as `1 h 5 min`; a negative one is `0 s`.
    var inWords: String {
        let seconds = Int(max(0, self.seconds))
        func join(_ large: Int, _ unit: String, _ small: Int, _ smaller: String) -> String {
            small == 0 ? "\(large) \(unit)" : "\(large) \(unit) \(small) \(smaller)"
        }
        return switch seconds {
        case ..<60: "\(seconds) s"
        case ..<3600: join(seconds / 60, "min", seconds % 60, "s")
        case ..<86400: join(seconds / 3600, "h", seconds % 3600 / 60, "min")
        default: join(seconds / 86400, "d", seconds % 86400 / 3600, "h")
        }
    }
}

extension Int {
    /// The number with a comma between thousands, such as `10,000`.
    var grouped: String {
        var digits = Array(String(magnitude))
        for place in stride(from: digits.count - 3, to: 0, by: -3) {
            digits.insert(",", at: place)
        }
        return (self < 0 ? "-" : "") + String(digits)
    }

    /// The number and the noun that goes with it.
    func counting(_ one: String, _ many: String) -> String {
        "\(grouped) \(self == 1 ? one : many)"
    }
}
