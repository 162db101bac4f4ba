/// Reads `Link` header fields (RFC 8288, section 3).
enum LinkHeader {
    /// Returns the address of the next page: the first target with the relation `next`, or `nil` if there is none.
    static func next(in fields: [String]) -> String? {
        for field in fields {
            var rest = field[...]
            while let (target, isNext) = takeLink(from: &rest) {
                if isNext { return target }
            }
        }
        return nil
    }

    /// Takes one link from the front, such as `<https://a/2>; rel="next"`.
    private static func takeLink(from rest: inout Substring) -> (target: String, isNext: Bool)? {
        guard let start = rest.firstIndex(of: "<"), let end = rest[start...].firstIndex(of: ">") else { return nil }
        let target = String(rest[start..<end].dropFirst())
        rest = rest[end...].dropFirst()
        var relation: String?
        // A link from another page than the one that was asked for.
        var isElsewhere = false
        while let (name, value) = takeParameter(from: &rest) {
            // Only the first relation counts (section 3.3).
            if name == "rel" { relation = relation ?? value }
            if name == "anchor" { isElsewhere = true }
        }
        let relations = relation?.lowercased().split(separator: " ") ?? []
        return (target, !isElsewhere && relations.contains("next"))
    }

    /// Takes one parameter from the front, with its semicolon; returns `nil` at the end of the link.
    private static func takeParameter(from rest: inout Substring) -> (name: String, value: String)? {
        rest = rest.drop { $0 == " " || $0 == "\t" }
        guard rest.first == ";" else { return nil }
        let name = rest.dropFirst().prefix { !"=;,".contains($0) }
        rest = rest[name.endIndex...]
        var value = ""
        if rest.first == "=" {
            rest = rest.dropFirst().drop { $0 == " " || $0 == "\t" }
            value = rest.first == "\"" ? takeQuoted(from: &rest) : String(rest.prefix { !";,".contains($0) })
            rest = rest.drop { !";,".contains($0) }
        }
        return (name.filter { $0 != " " && $0 != "\t" }.lowercased(), value)
    }

    /// Takes a quoted string from the front (RFC 9110, section 5.6.4).
    private static func takeQuoted(from rest: inout Substring) -> String {
        rest = rest.dropFirst()
        var value = ""
        while let character = rest.popFirst(), character != "\"" {
            value.append(character == "\\" ? rest.popFirst() ?? character : character)
        }
        return value
    }
}
