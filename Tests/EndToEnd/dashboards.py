"""The dashboards in grafana/ as their files say, and the rules they keep.

Each rule is a function of a dashboard that returns complaints. Those of LINTER are the rules of grafana/dashboard-linter, under its
names and with one exclusion: records have no label `instance` to match. Those of OURS are what else a dashboard of this project keeps.
"""

import json
import re

import promql_parser
import yaml

import contract
from exporter import TOP

FOLDER = TOP / "grafana/dashboards"
RULES = TOP / "deploy/prometheus/hypersender.rules.yml"
DATASOURCE = {"type": "prometheus", "uid": "${datasource}"}

# As the linter does, before it parses: any duration will do, but the one of $__rate_interval must be known again.
RATE_INTERVAL = "11277964s"
DURATIONS = {"$__rate_interval": RATE_INTERVAL, "$__range": "11277965s", "$__interval": "11277966s"}
# Stands for a label of the user's own.
LABEL = {"$label": "account"}

# Of the many that Grafana and the linter know, those that occur here.
UNITS = {"none", "short", "percentunit", "s", "bytes", "reqps", "opm", "dateTimeFromNow", "dateTimeAsIso"}

# The labels that Prometheus adds to every target.
OF_PROMETHEUS = {"up", "scrape_duration_seconds", "scrape_samples_scraped", "ALERTS"}


def load():
    return {path: json.loads(path.read_text()) for path in sorted(FOLDER.glob("*.json"))}


def panels(dashboard):
    """All panels, those within rows included."""
    for panel in dashboard["panels"]:
        yield panel
        yield from panel.get("panels", ())


def targets(dashboard):
    for panel in panels(dashboard):
        for target in panel.get("targets", ()):
            yield panel, target


def variables(dashboard, kind=None):
    return [v for v in dashboard["templating"]["list"] if kind in (None, v["type"])]


def variable(dashboard, name):
    return next((v for v in variables(dashboard) if v["name"] == name), None)


def query_of(variable):
    query = variable["query"]
    return query if isinstance(query, str) else query["query"]


def annotations(dashboard):
    return [a for a in dashboard["annotations"]["list"] if not a.get("builtIn")]


# PromQL

def parse(expression):
    for name, value in (DURATIONS | LABEL).items():
        expression = expression.replace(name, value)
    return promql_parser.parse(expression)


def _children(node):
    for name in ("lhs", "rhs", "expr", "param", "vector_selector"):
        child = getattr(node, name, None)
        if child is not None:
            yield child
    yield from getattr(node, "args", ())


def walk(node, parents=()):
    """Every node below with its parents, the innermost last."""
    if isinstance(node, promql_parser.ParenExpr):
        yield from walk(node.expr, parents)
        return
    yield node, parents
    for child in _children(node):
        yield from walk(child, (*parents, node))


def selectors(expression):
    """Every vector selector with its parents."""
    return [(n, p) for n, p in walk(parse(expression)) if isinstance(n, promql_parser.VectorSelector)]


def parsable(expression):
    try:
        parse(expression)
    except ValueError as error:
        return str(error)
    return None


def metric(selector):
    return selector.name or next((m.value for m in selector.matchers.matchers if m.name == "__name__"), None)


def expressions(dashboard):
    """All PromQL of a dashboard, with where it stands."""
    for panel, target in targets(dashboard):
        yield f"panel {panel['title']!r}, target {target['refId']}", target["expr"]
    for annotation in annotations(dashboard):
        yield f"annotation {annotation['name']!r}", annotation["expr"]
    for v in variables(dashboard, "query"):
        argument = re.fullmatch(r"(?:label_names|label_values|query_result)\((.+)\)", query_of(v), re.DOTALL)
        if argument:
            yield f"variable {v['name']!r}", re.sub(r",\s*\$?\w+$", "", argument[1]) if query_of(v).startswith("label_values") else argument[1]


# The linter's rules

def template_datasource_rule(dashboard):
    found = variables(dashboard, "datasource")
    if len(found) != 1:
        return [f"has {len(found)} variables for a data source"]
    v = found[0]
    return [f"the data source's variable is {v['name']!r}, labelled {v['label']!r}, for {v['query']!r}"] if (
        v["name"], v["label"], v["query"]) != ("datasource", "Data source", "prometheus") else []


def _template(dashboard, name):
    v = variable(dashboard, name)
    if v is None:
        return [f"no variable {name}"]
    wanted = {"type": "query", "label": name.title(), "multi": True, "allValue": ".+"}
    wrong = [f"variable {name}: {key} is {v.get(key)!r}, not {value!r}" for key, value in wanted.items() if v.get(key) != value]
    return wrong + ([] if v.get("datasource", {}).get("uid") in ("$datasource", "${datasource}") else [f"variable {name} has another data source"])


def template_job_rule(dashboard):
    return _template(dashboard, "job")


def template_instance_rule(dashboard):
    return _template(dashboard, "instance")


def template_label_promql_rule(dashboard):
    wrong = []
    for v in variables(dashboard, "query"):
        argument = re.fullmatch(r"(label_names|label_values|metrics|query_result)\((.+)\)", query_of(v), re.DOTALL)
        if not argument:
            wrong.append(f"variable {v['name']}: {query_of(v)!r} is no query for variables")
        else:
            error = parsable(re.sub(r",\s*\$?\w+$", "", argument[2]) if argument[1] == "label_values" else argument[2])
            wrong += [f"variable {v['name']}: {error}"] if error else []
    return wrong


def template_on_time_change_reload_rule(dashboard):
    return [f"variable {v['name']} is not refreshed when the time range changes" for v in variables(dashboard, "query") if v.get("refresh") != 2]


def panel_datasource_rule(dashboard):
    return [f"panel {p['title']!r} has the data source {p.get('datasource')}" for p in panels(dashboard)
            if p["type"] not in ("row", "alertlist") and p.get("datasource") != DATASOURCE]


def panel_title_description_rule(dashboard):
    return [f"panel {p['id']} has no title or no description" for p in panels(dashboard)
            if not p.get("title") or p["type"] != "row" and not p.get("description")]


def panel_units_rule(dashboard):
    wrong = []
    for panel in panels(dashboard):
        if panel["type"] in ("row", "alertlist"):
            continue
        config = panel["fieldConfig"]
        units = [config["defaults"].get("unit")] + [x["value"] for o in config["overrides"] for x in o["properties"] if x["id"] == "unit"]
        wrong += [f"panel {panel['title']!r}: unit {unit!r}" for unit in units if unit not in UNITS]
    return wrong


def panel_no_targets_rule(dashboard):
    return [f"panel {p['title']!r} asks nothing" for p in panels(dashboard) if p["type"] not in ("row", "alertlist") and not p.get("targets")]


def target_promql_rule(dashboard):
    return [f"panel {p['title']!r}, target {t['refId']}: {error}" for p, t in targets(dashboard) if (error := parsable(t.get("expr", "")))]


def _each_selector(dashboard):
    for panel, target in targets(dashboard):
        if not parsable(target["expr"]):
            for selector, parents in selectors(target["expr"]):
                yield f"panel {panel['title']!r}, target {target['refId']}: {metric(selector)}", selector, parents


def target_rate_interval_rule(dashboard):
    return [f"{where} in a {p[-2].func.name}() of another range than $__rate_interval" for where, _, p in _each_selector(dashboard)
            if len(p) > 1 and isinstance(p[-1], promql_parser.MatrixSelector) and isinstance(p[-2], promql_parser.Call)
            and p[-2].func.name in ("rate", "irate") and p[-1].range.total_seconds() != int(RATE_INTERVAL[:-1])]


def _matcher(dashboard, name):
    wanted = (name, promql_parser.MatchOp.Re, f"${name}")
    return [f'{where} has no {name}=~"${name}"' for where, selector, _ in _each_selector(dashboard)
            if wanted not in [(m.name, m.op, m.value) for m in selector.matchers.matchers if m.name == name][:1]
            and not (name == "instance" and ":" in (metric(selector) or ""))]


def target_job_rule(dashboard):
    return _matcher(dashboard, "job")


def target_instance_rule(dashboard):
    return _matcher(dashboard, "instance")


def target_counter_agg_rule(dashboard):
    return [f"{where} is a counter without rate() or increase()" for where, selector, p in _each_selector(dashboard)
            if (metric(selector) or "").endswith(("_total", "_bucket")) and not (
                len(p) > 1 and isinstance(p[-2], promql_parser.Call) and p[-2].func.name in ("rate", "irate", "increase"))]


def target_logql_rule(dashboard):
    # There is nothing in LogQL to check as long as every target asks Prometheus.
    return [f"panel {p['title']!r}, target {t['refId']} does not ask Prometheus" for p, t in targets(dashboard) if t.get("datasource") != DATASOURCE]


def uneditable_dashboard_rule(dashboard):
    return [] if dashboard.get("editable") is False else ["can be edited"]


LINTER = {
    "template-datasource-rule": template_datasource_rule,
    "template-job-rule": template_job_rule,
    "template-instance-rule": template_instance_rule,
    "template-label-promql-rule": template_label_promql_rule,
    "template-on-time-change-reload-rule": template_on_time_change_reload_rule,
    "panel-datasource-rule": panel_datasource_rule,
    "panel-title-description-rule": panel_title_description_rule,
    "panel-units-rule": panel_units_rule,
    "panel-no-targets-rule": panel_no_targets_rule,
    "target-logql-rule": target_logql_rule,
    "target-promql-rule": target_promql_rule,
    "target-rate-interval-rule": target_rate_interval_rule,
    "target-job-rule": target_job_rule,
    "target-instance-rule": target_instance_rule,
    "target-counter-agg-rule": target_counter_agg_rule,
    "uneditable-dashboard-rule": uneditable_dashboard_rule,
}


# Our rules

UIDS = {"hypersender-overview", "hypersender-instance", "hypersender-availability", "hypersender-exporter"}


def classic_schema(dashboard):
    wrong = [f"has {key}" for key in ("id", "__inputs", "__requires", "__elements") if key in dashboard]
    return wrong + ([] if dashboard.get("schemaVersion") == 41 else ["schemaVersion is not 41"])


def fixed_uid(dashboard):
    return [] if dashboard.get("uid") in UIDS else [f"uid {dashboard.get('uid')!r}"]


def panel_ids(dashboard):
    ids = [p["id"] for p in panels(dashboard)]
    return [f"panel id {n} occurs {ids.count(n)} times" for n in sorted(set(ids)) if ids.count(n) > 1]


def grid(dashboard):
    wrong, taken = [], {}
    for panel in panels(dashboard):
        g = panel["gridPos"]
        if g["x"] < 0 or g["w"] < 1 or g["h"] < 1 or g["x"] + g["w"] > 24:
            wrong.append(f"panel {panel['title']!r} is beyond the 24 columns")
        cells = {(x, y) for x in range(g["x"], g["x"] + g["w"]) for y in range(g["y"], g["y"] + g["h"])}
        wrong += [f"panels {panel['title']!r} and {other!r} overlap" for other, theirs in taken.items() if cells & theirs]
        taken[f"{panel['title']} ({panel['id']})"] = cells
    return wrong


def _links(node):
    if isinstance(node, dict):
        if isinstance(node.get("url"), str):
            yield node["url"]
        for value in node.values():
            yield from _links(value)
    elif isinstance(node, list):
        for value in node:
            yield from _links(value)


def runbooks():
    """The addresses that the alerts give."""
    return {rule["annotations"]["runbook_url"].partition("#")[0] for rule in rules() if "alert" in rule}


def links(dashboard):
    """To dashboards there are, with variables they have, and to each of the others."""
    wrong, met = [], set()
    there = {d["uid"]: d for d in load().values()}
    for url in _links(dashboard):
        if url in runbooks():
            continue
        to = re.match(r"/d/([\w-]+)\?", url)
        if not to or to[1] not in there:
            wrong.append(f"a link to {url}")
            continue
        met.add(to[1])
        given = re.findall(r"[?&]var-(\w+)=|\$\{(\w+):queryparam\}", url)
        wrong += [f"a link to {to[1]} gives {n!r}, which it does not have" for n in map("".join, given) if not variable(there[to[1]], n)]
        wrong += [f"a link gives {n!r}, which is not here" for _, n in given if n and not variable(dashboard, n)]
    return wrong + [f"no link to {uid}" for uid in sorted(UIDS - met - {dashboard.get("uid")})]


CODES = {str(n): status for n, status in enumerate(("WORKING", "STARTING", "PENDING", "STOPPED", "SCAN_QR_CODE", "FAILED", "UNKNOWN"), 1)}


def status_colours(dashboard):
    """Pairs of a status and a colour, wherever one is given: by mappings of names or codes, by overrides."""
    for panel in panels(dashboard):
        config = panel.get("fieldConfig", {})
        mappings = list(config.get("defaults", {}).get("mappings", ()))
        for override in config.get("overrides", ()):
            named = override["matcher"]["options"]
            for item in override["properties"]:
                if item["id"] == "mappings":
                    mappings += item["value"]
                elif named in CODES.values() and item["id"] == "color":
                    yield named, item["value"]["fixedColor"]
                elif named in CODES.values() and item["id"] == "thresholds":
                    yield named, item["value"]["steps"][-1]["color"]
        for mapping in mappings:
            for value, shown in mapping["options"].items() if mapping["type"] == "value" else ():
                if shown["text"] in CODES.values():
                    # A code that is given another status's name has a colour of none.
                    yield shown["text"], shown["color"] if value in (shown["text"], *(c for c, s in CODES.items() if s == shown["text"])) else f"of {value}"


def one_palette(dashboard):
    """The same colour for a status everywhere, in all dashboards, and different ones for different statuses."""
    colours = {}
    for each in (dashboard, *load().values()):
        for status, colour in status_colours(each):
            colours.setdefault(status, set()).add(colour)
    wrong = [f"{status} is {' and '.join(sorted(c))}" for status, c in colours.items() if len(c) > 1]
    shared = [c for colour in colours.values() for c in colour]
    return wrong + [f"{c} is the colour of two" for c in sorted(set(shared)) if shared.count(c) > 1] + [
        f"{status} has no colour" for status in contract.ALL_STATUSES if status not in colours]


def code_order(dashboard):
    """The numbers of the codes are those of the recording rule."""
    rule = next(rule["expr"] for rule in rules() if rule.get("record") == "instance_id:hypersender_instance_status:last_known_code")
    recorded = {s: n or "1" for s, n in re.findall(r'status="(\w+)"} == 1\)(?: \* (\d))?', rule)}
    wrong = [] if recorded == {s: n for n, s in CODES.items()} else [f"the recording rule has {recorded}"]
    for where, expression in expressions(dashboard):
        if found := {s: n or "1" for s, n in re.findall(r'status="(\w+)"} == 1\)(?: \* (\d))?', expression)}:
            wrong += [] if found == recorded else [f"{where} has {found}"]
    return wrong


def rules():
    return [rule for group in yaml.safe_load(RULES.read_text())["groups"] for rule in group["rules"]]


def known_metrics():
    known = set(OF_PROMETHEUS)
    for families in (contract.INSTANCE_FAMILIES, contract.POLL_FAMILIES, contract.EXPORTER_FAMILIES):
        for name, (kind, _) in families.items():
            known |= {name + s for s in ("_bucket", "_sum", "_count")} if kind == "histogram" else {name}
    return known | {rule["record"] for rule in rules() if "record" in rule}


def real_metrics(dashboard):
    known = known_metrics()
    return [f"{where}: there is no {metric(s)}" for where, e in expressions(dashboard) if not parsable(e) for s, _ in selectors(e) if metric(s) not in known]


def real_labels(dashboard):
    """Labels that are matched are those that the exporter, its rules or Prometheus give."""
    known = {"account", "job", "instance", "le", "alertname", "alertstate", "severity", "scope"}
    for families in (contract.INSTANCE_FAMILIES, contract.POLL_FAMILIES, contract.EXPORTER_FAMILIES):
        known = known.union(*(labels for _, labels in families.values()))
    return [f"{where}: there is no label {m.name}" for where, e in expressions(dashboard) if not parsable(e)
            for s, _ in selectors(e) for m in s.matchers.matchers if m.name not in known]


def target_labels():
    """Labels of the scrape's target, which the recording rules drop."""
    lists = set(re.findall(r"max without \(([^)]*)\) \(hypersender_up\)", RULES.read_text()))
    if len(lists) != 1:
        raise AssertionError(f"the recording rules drop {lists}")
    return set(re.split(r",\s*", lists.pop()))


def replicas(dashboard):
    """A second replica, or a pod that moved, counts nothing twice: of gauges of accounts and instances, the greatest or the least is taken first."""
    dropped, wrong = target_labels(), []
    plain = {n for f in (contract.INSTANCE_FAMILIES, contract.POLL_FAMILIES) for n, (kind, _) in f.items() if kind == "gauge"}
    for where, expression in expressions(dashboard):
        if "variable" in where or parsable(expression):
            continue
        for selector, parents in selectors(expression):
            # Where only matched against, or listed with its target on purpose, nothing is counted.
            summed = [p for p in parents if isinstance(p, promql_parser.AggregateExpr)]
            if metric(selector) not in plain or not summed:
                continue
            inner = summed[-1]
            labels = set(inner.modifier.labels) if inner.modifier else set()
            matched = any(isinstance(p, promql_parser.BinaryExpr) and str(p.op) in ("and", "unless") and selector.name in str(p.rhs) for p in parents)
            if not (str(inner.op) in ("max", "min") and dropped <= labels or matched):
                wrong.append(f"{where}: {metric(selector)} would count twice")
    return wrong


def absent_account(dashboard):
    """Everything works without the label: All matches what is not there, and nothing is joined on it."""
    wrong = []
    for name, every in (("account", ".*"), ("value", ".*"), ("label", "job")):
        v = variable(dashboard, name)
        wrong += [] if v and v.get("allValue") == every and v.get("includeAll") else [f"All of {name} would not match where there is no label"]
    for where, expression in expressions(dashboard):
        wrong += [f'{where}: account{m}' for m in re.findall(r"\baccount\s*((?:=~|!~|!=|=)\s*\"[^\"]*\")", expression) if m != '=~"$account"']
    return wrong


def limits(dashboard):
    """A cut table says so."""
    limit = re.compile(r"(?:topk|bottomk)(?:\s+by\s*\([^)]*\))?\s*\(\s*(\d+)")
    return [f"panel {p['title']!r} does not say its limit of {n}" for p, t in targets(dashboard) for n in limit.findall(t["expr"])
            if not re.search(rf"\b{n}\b", p.get("description", ""))]


def no_false_calm(dashboard):
    """Without data, Grafana paints the first step's colour: that must not be the colour of all's well."""
    return [f"panel {p['title']!r} would be green without data" for p in panels(dashboard) if p["type"] == "stat"
            and (p["fieldConfig"]["defaults"]["thresholds"]["steps"][0]["color"] == "green" or not p["fieldConfig"]["defaults"].get("noValue"))]


def known_variables(dashboard):
    """Every variable that is used is there, and every one that is there is used."""
    text = json.dumps({k: v for k, v in dashboard.items() if k != "templating"}) + "".join(query_of(v) for v in variables(dashboard))
    # $1 is a group of a regular expression.
    used = {a or b for a, b in re.findall(r"\$\{(\w+)(?::\w+)?\}|\$([a-zA-Z_]\w*)", text) if not (a or b).startswith("__")}
    there = {v["name"] for v in variables(dashboard)}
    return [f"${n} is not defined" for n in sorted(used - there)] + [f"${n} is never used" for n in sorted(there - used)]


OURS = {f.__name__: f for f in (
    classic_schema, fixed_uid, panel_ids, grid, links, one_palette, code_order, real_metrics, real_labels, replicas, absent_account, limits, no_false_calm, known_variables)}
