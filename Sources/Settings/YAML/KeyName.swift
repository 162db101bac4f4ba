import Basics

/// Printing keys, and finding the one that was probably meant.
enum KeyName {
    /// Returns a key for printing: redacted, and in quotes unless it is a plain name.
    static func shown(_ key: String) -> String {
        let printed = Redaction.apply(to: key)
        let isName = !key.isEmpty && key.allSatisfy { $0.isASCII && ($0.isLetter || $0.isNumber) || "_-".contains($0) }
        return isName && printed == key ? key : "\"\(printed)\""
    }

    /// Returns the known key that was probably meant; `nil` if none is close.
    static func nearest(to key: String, among known: [String]) -> String? {
        let wanted = simplified(key)
        guard wanted.count <= 64 else { return nil }
        let distances = known.map { name in
            let letters = simplified(name)
            // A wrong letter counts twice, since it is removed and another inserted; so do two that are swapped.
            return abs(letters.count - wanted.count) <= 2 ? letters.difference(from: wanted).count : .max
        }
        guard let nearest = zip(known, distances).min(by: { $0.1 < $1.1 }) else { return nil }
        return nearest.1 <= min(4, (wanted.count + 1) / 2) ? nearest.0 : nil
    }

    /// Returns the end of a message about an unknown name: the one that was probably meant, or else all that are known.
    ///
    /// - Parameter otherwise: introduces the known ones; `nil` to say nothing of them.
    static func advice(_ name: String, _ known: [String], otherwise: String? = nil) -> String {
        if let nearest = nearest(to: name, among: known) { return "; did you mean \(nearest)?" }
        return otherwise.map { "; \($0) \(known.joined(separator: ", "))" } ?? ""
    }

    /// Returns the letters to compare: `tokenFile`, `token-file` and `token_file` are the same word.
    private static func simplified(_ key: String) -> [UInt8] {
        key.lowercased().utf8.filter { !"_- ".utf8.contains($0) }
    }
}
