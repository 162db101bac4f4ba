/// Reads `Link` header fields (RFC 8288, section 3).
enum LinkHeader {
    /// Returns the address of the next page: the first target with the relation `next`, or `nil` if there is none.
    static func next(in fields: [String]) -> String? {
        for field in fields {
            var rest = field[...]
            while let link = takeLink(from: &rest) {
                if link.relations.contains("next") {
                    return link.target
                }
            }
        }
        return nil
    }

    private struct Link {
        var target: String
        /// In lower case; empty for a link from another page than the one that was asked for.
        var relations: [String] = []
    }

    /// Takes one link from the front, such as `<https://a/2>; rel="next"`, and the comma behind it.
    private static func takeLink(from rest: inout Substring) -> Link? {
        guard let start = rest.firstIndex(of: "<"), let end = rest[start...].firstIndex(of: ">") else {
            return nil
        }
        var link = Link(target: String(rest[rest.index(after: start)..<end]))
        rest = rest[rest.index(after: end)...]
        var relation: String?
        var isElsewhere = false
        while let (name, value) = takeParameter(from: &rest) {
            switch name {
            // Only the first counts (section 3.3).
            case "rel": relation = relation ?? value
            case "anchor": isElsewhere = true
            default: break
            }
        }
        if let relation, !isElsewhere {
            link.relations = relation.lowercased().split(separator: " ").map(String.init)
        }
        return link
    }

    /// Takes one parameter from the front, with its semicolon; returns `nil` at the end of the link.
    private static func takeParameter(from rest: inout Substring) -> (name: String, value: String)? {
        rest = rest.drop { $0 == " " || $0 == "\t" }
        guard rest.first == ";" else {
            return nil
        }
        rest = rest.dropFirst()
        let name = rest.prefix { !"=;,".contains($0) }
        rest = rest[name.endIndex...]
        var value = ""
        if rest.first == "=" {
            rest = rest.dropFirst().drop { $0 == " " || $0 == "\t" }
            value = rest.first == "\"" ? takeQuoted(from: &rest) : String(rest.prefix { !";,".contains($0) })
            rest = rest.drop { !";,".contains($0) }
        }
        let trimmed = name.filter { $0 != " " && $0 != "\t" }
        return (trimmed.lowercased(), value)
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
