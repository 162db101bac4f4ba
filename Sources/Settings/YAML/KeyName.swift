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
        var farthest = min(2, (wanted.count - 1) / 2)
        var nearest: String?
        for name in known {
            let letters = simplified(name)
            // The distance is at least the difference of the lengths.
            guard abs(letters.count - wanted.count) <= farthest else { continue }
            let distance = distance(wanted, letters)
            if distance < farthest || distance == farthest && nearest == nil {
                (nearest, farthest) = (name, distance)
            }
        }
        return nearest
    }

    /// Returns a question after the name that was probably meant instead of an unknown one; `nil` if none is close.
    static func suggestion(_ name: String, _ known: [String]) -> String? {
        nearest(to: name, among: known).map { "did you mean \($0)?" }
    }

    /// Returns what to do about an unknown name: the one that was probably meant, or all that are known.
    static func advice(_ name: String, _ known: [String], _ otherwise: String) -> String {
        suggestion(name, known) ?? "\(otherwise) \(known.joined(separator: ", "))"
    }

    /// Returns the letters to compare: `tokenFile`, `token-file` and `token_file` are the same word.
    private static func simplified(_ key: String) -> [UInt8] {
        key.lowercased().utf8.filter { !"_- ".utf8.contains($0) }
    }

    /// Returns the number of letters to insert, delete, replace or swap that turn one word into the other.
    private static func distance(_ first: [UInt8], _ second: [UInt8]) -> Int {
        var beforeLast: [Int] = []
        var last = Array(0...second.count)
        for i in first.indices {
            var row = [i + 1]
            for j in second.indices {
                var best = min(last[j + 1] + 1, row[j] + 1, last[j] + (first[i] == second[j] ? 0 : 1))
                if i > 0, j > 0, first[i] == second[j - 1], first[i - 1] == second[j] {
                    best = min(best, beforeLast[j - 1] + 1)
                }
                row.append(best)
            }
            beforeLast = last
            last = row
        }
        return last[second.count]
    }
}
