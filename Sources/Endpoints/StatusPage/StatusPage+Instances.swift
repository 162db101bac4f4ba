import HypersenderAPI
import Monitoring

extension StatusPage {
    /// The form that filters the instances, and the table of those that match.
    func instancesSection(_ selection: InstanceSelection) -> HTML {
        let start: HTML = "<section id=\"instances\"><h2>Instances</h2>\n\(html: form)"
        guard !selection.rows.isEmpty else {
            return """
                \(html: start)<p class="card empty">No instance matches. \
                <a href="\(attribute: address(status: ""))#instances">Show all</a></p></section>

                """
        }
        let columns = ["Status", "Name"] + (hasNames ? ["Account"] : []) + ["Unchanged for", "Id"]
        // The roles hold where a narrow window shows the table as blocks.
        return """
            \(html: start)<div class="card"><table role="table"><caption>\(caption(selection))</caption>\
            <thead role="rowgroup"><tr role="row">\
            \(each: columns.map { "<th role=\"columnheader\" scope=\"col\">\($0)</th>" })\
            </tr></thead><tbody role="rowgroup">
            \(each: selection.rows.map(tableRow))</tbody></table></div>
            <p class="note">≥: the status was already so when the exporter first saw the instance.</p></section>

            """
    }

    private func caption(_ selection: InstanceSelection) -> String {
        let (shown, matched) = (selection.rows.count, selection.matched)
        let all = selection.counts.total.counting("instance", "instances")
        let found = query.filters ? "\(matched.grouped) of \(all) \(matched == 1 ? "matches" : "match")" : all
        return shown < matched ? "\(found); the first \(shown) are shown, trouble first." : "\(found), trouble first."
    }

    private func tableRow(_ row: InstanceSelection.Row) -> HTML {
        let (instance, changedAt) = (row.tracked.instance, row.tracked.statusChangedAt)
        let age = max(0, now.unix - changedAt)
        let words = Duration.seconds(age).inWords
        let isFirst = row.tracked.statusChanges == 0
        let hasName = !instance.name.unicodeScalars.allSatisfy(\.properties.isWhitespace)
        let account: HTML = "<td role=\"cell\" class=\"of\"><bdi>\(row.account ?? "")</bdi></td>"
        let time = HTML.time(
            changedAt, title: isFirst ? "first seen " : "since ", showing: isFirst ? "≥ \(words)" : words)
        return """
            <tr role="row"><td role="cell">\
            <span class="label \(instance.status.tone(after: age))">\(instance.status.rawValue)</span></td>\
            <th role="rowheader" scope="row">\
            \(html: hasName ? "<bdi>\(instance.name)</bdi>" : "<i>no name</i>")</th>\
            \(html: hasNames ? account : "")<td role="cell" class="age">\(html: time)</td>\
            <td role="cell" class="id"><bdi>\(instance.id)</bdi></td></tr>

            """
    }

    /// The form has no action and so leads to this page, also where a proxy has it under another path.
    private var form: HTML {
        let statuses =
            [(StatusQuery.attention, "Needs attention")] + InstanceStatus.byUrgency.map { ($0.rawValue, $0.rawValue) }
        let names = accounts.prefix(Self.maximumAccounts).compactMap(\.options.name).map { ($0, $0) }
        let attributes: HTML = "id=\"account\" name=\"account\""
        let field: HTML =
            accounts.count > Self.maximumAccounts
            ? "<input \(html: attributes) dir=\"auto\" maxlength=\"256\" value=\"\(attribute: query.account)\">"
            : "<select \(html: attributes)>\(html: options(names, chosen: query.account))</select>"
        let account: HTML = "<p><label for=\"account\">Account</label>\(html: field)</p>"
        let clear: HTML = " <a href=\"\(attribute: address(status: ""))#instances\">Clear</a>"
        return """
            <form method="get" role="search" autocomplete="off"><p><label for="q">Name or id</label>\
            <input id="q" name="q" type="search" dir="auto" maxlength="256" value="\(attribute: query.text)"></p>\
            <p><label for="status">Status</label><select id="status" name="status">\
            \(html: options(statuses, chosen: query.status))</select></p>\
            \(html: hasNames ? account : "")\
            \(html: query.isPaused ? "<input type=\"hidden\" name=\"refresh\" value=\"off\">" : "")\
            <p><button>Filter</button>\(html: query.filters ? clear : "")</p></form>

            """
    }

    /// Returns the options of a list, after one for any.
    private func options(_ others: [(value: String, label: String)], chosen: String) -> HTML {
        let options = ([("", "Any")] + others).map { value, label in
            "<option value=\"\(attribute: value)\"\(html: value == chosen ? " selected" : "")>\(label)</option>" as HTML
        }
        return "\(each: options)"
    }
}
