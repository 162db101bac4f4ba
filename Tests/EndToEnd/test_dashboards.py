"""The dashboards: the linter's rules and ours, a round trip through Grafana's own types, and every query asked of a real Prometheus."""

import copy
import itertools
import json
import pathlib
import random
import re
import shutil
import signal
import subprocess
import tempfile
import time
import unittest

import yaml
from grafana_foundation_sdk.cog.encoder import JSONEncoder
from grafana_foundation_sdk.cog.plugins import register_default_plugins
from grafana_foundation_sdk.models.dashboard import Dashboard

import dashboards
import engines
from exporter import TOP, Exporter, wait_until
from fake_api import KEY, STATUSES, FakeAPI, honest, instance

BOARDS = {d["uid"].removeprefix("hypersender-"): d for d in dashboards.load().values()}


def panel(dashboard, title):
    return next(p for p in dashboards.panels(dashboard) if p["title"] == title)


def replace(dashboard, title, old, new):
    """In a panel's first query."""
    target = panel(dashboard, title)["targets"][0]
    assert old in target["expr"], target["expr"]
    target["expr"] = target["expr"].replace(old, new, 1)


def _set(key, value, find=lambda d: d):
    def change(dashboard):
        find(dashboard)[key] = value
    return change


def _first(title):
    return lambda d: panel(d, title)["targets"][0]


# For each rule, ways to break the overview that it has to notice.
BREAKS = [
    ("template-datasource-rule", _set("name", "source", lambda d: dashboards.variable(d, "datasource"))),
    ("template-job-rule", _set("allValue", ".*", lambda d: dashboards.variable(d, "job"))),
    ("template-instance-rule", _set("multi", False, lambda d: dashboards.variable(d, "instance"))),
    ("template-label-promql-rule", _set("query", "label_values(up{, job)", lambda d: dashboards.variable(d, "job")["query"])),
    ("template-label-promql-rule", _set("query", "values(up)", lambda d: dashboards.variable(d, "job")["query"])),
    ("template-on-time-change-reload-rule", _set("refresh", 1, lambda d: dashboards.variable(d, "account"))),
    ("panel-datasource-rule", _set("datasource", {"type": "prometheus", "uid": "abc"}, lambda d: panel(d, "Working"))),
    ("panel-title-description-rule", _set("description", "", lambda d: panel(d, "Alerts"))),
    ("panel-units-rule", _set("unit", "parsecs", lambda d: panel(d, "Working")["fieldConfig"]["defaults"])),
    ("panel-no-targets-rule", _set("targets", [], lambda d: panel(d, "Working"))),
    ("target-logql-rule", _set("datasource", {"type": "loki", "uid": "${datasource}"}, _first("Working"))),
    ("target-promql-rule", lambda d: replace(d, "Instances", "sum(", "sum((")),
    ("target-rate-interval-rule", _set("expr", 'rate(hypersender_polls_total{job=~"$job", instance=~"$instance"}[5m])', _first("Instances"))),
    ("target-job-rule", lambda d: replace(d, "Instances", 'job=~"$job"', 'job="$job"')),
    ("target-instance-rule", lambda d: replace(d, "Instances", ', instance=~"$instance"', "")),
    ("target-counter-agg-rule", _set("expr", 'hypersender_polls_total{job=~"$job", instance=~"$instance"}', _first("Instances"))),
    ("uneditable-dashboard-rule", _set("editable", True)),
    ("classic_schema", _set("id", 7)),
    ("classic_schema", _set("schemaVersion", 38)),
    ("fixed_uid", _set("uid", None)),
    ("panel_ids", _set("id", 1, lambda d: panel(d, "Working"))),
    ("grid", _set("w", 5, lambda d: panel(d, "Working")["gridPos"])),
    ("grid", _set("w", 25, lambda d: panel(d, "Instances in trouble over time")["gridPos"])),
    ("links", _set("url", "/d/elsewhere?a=b", lambda d: d["links"][0])),
    ("links", _set("url", "/d/hypersender-exporter?var-status=a", lambda d: d["links"][1])),
    ("links", lambda d: d["links"].pop(1)),
    ("one_palette", _set("color", "blue", lambda d: panel(d, "Instances in trouble over time")["fieldConfig"]["defaults"]["mappings"][0]["options"]["6"])),
    ("one_palette", _set("text", "FAILED", lambda d: panel(d, "Instances in trouble over time")["fieldConfig"]["defaults"]["mappings"][0]["options"]["5"])),
    ("code_order", lambda d: replace(d, "Instances in trouble over time", "* 6", "* 9")),
    ("real_metrics", lambda d: replace(d, "Instances", "hypersender_instances", "hypersender_instance_count")),
    ("real_labels", lambda d: replace(d, "Instances", "account=~", "acount=~")),
    ("replicas", lambda d: replace(d, "Instances", "instance, pod, ", "pod, ")),
    ("replicas", _set("expr", 'sum(hypersender_instances{job=~"$job", instance=~"$instance"})', _first("Instances"))),
    ("absent_account", _set("allValue", ".+", lambda d: dashboards.variable(d, "account"))),
    ("absent_account", _set("allValue", ".*", lambda d: dashboards.variable(d, "label"))),
    ("absent_account", lambda d: replace(d, "Instances", 'account=~"$account"', 'account!=""')),
    ("limits", lambda d: replace(d, "Most changes in the last hour", "topk(20", "topk(5000")),
    ("no_false_calm", _set("color", "green", lambda d: panel(d, "Exporters down")["fieldConfig"]["defaults"]["thresholds"]["steps"][0])),
    ("known_variables", lambda d: replace(d, "Instances", "$account", "$acount")),
    ("known_variables", lambda d: d["templating"]["list"].append({"name": "spare", "type": "textbox", "query": ""})),
]


class Files(unittest.TestCase):
    def test_there_are_the_four(self):
        self.assertEqual({p.stem for p in dashboards.load()}, dashboards.UIDS)
        for path, dashboard in dashboards.load().items():
            self.assertEqual(path.stem, dashboard["uid"])

    @unittest.skipUnless(shutil.which("jsonnet"), "needs jsonnet")
    def test_written_from_the_mixin(self):
        checked = subprocess.run([TOP / "deploy/mixin/generate", "--check"], capture_output=True, text=True)
        self.assertEqual(checked.returncode, 0, checked.stdout[-3000:] + checked.stderr)

    def test_rules(self):
        for path, dashboard in dashboards.load().items():
            for name, rule in (dashboards.LINTER | dashboards.OURS).items():
                with self.subTest(dashboard=path.stem, rule=name):
                    self.assertEqual(rule(dashboard), [])

    def test_each_rule_notices_what_breaks_it(self):
        rules = dashboards.LINTER | dashboards.OURS
        self.assertEqual({name for name, _ in BREAKS}, set(rules), "a rule that nobody has seen fail")
        for number, (name, change) in enumerate(BREAKS):
            with self.subTest(rule=name, change=number):
                broken = copy.deepcopy(BOARDS["overview"])
                change(broken)
                self.assertNotEqual(rules[name](broken), [])

    # Of Prometheus's own annotations and variables, which these types leave to the data source.
    NOT_TYPED = re.compile(r"/annotations/list/\d+/(step|tagKeys|textFormat|titleFormat|useValueForTime)|/templating/list/\d+/definition")

    def lost(self, ours, theirs, path=""):
        if isinstance(ours, dict) and isinstance(theirs, dict):
            for key, value in ours.items():
                if key not in theirs:
                    yield f"{path}/{key}"
                else:
                    yield from self.lost(value, theirs[key], f"{path}/{key}")
        elif isinstance(ours, list) and isinstance(theirs, list) and len(ours) == len(theirs):
            for number, (one, other) in enumerate(zip(ours, theirs)):
                yield from self.lost(one, other, f"{path}/{number}")
        elif ours != theirs:
            yield path

    def round_trip(self, dashboard):
        register_default_plugins()
        back = json.loads(JSONEncoder().encode(Dashboard.from_json(dashboard)))
        return [path for path in self.lost(dashboard, back) if not self.NOT_TYPED.fullmatch(path)]

    def test_grafanas_types_know_every_field(self):
        for path, dashboard in dashboards.load().items():
            self.assertEqual(self.round_trip(dashboard), [], path)
        misspelt = copy.deepcopy(BOARDS["overview"])
        panel(misspelt, "Working")["options"]["colourMode"] = "value"
        self.assertEqual(len(self.round_trip(misspelt)), 1)

    def test_annotations_tell_of_changes_restarts_and_alerts(self):
        for name, dashboard in BOARDS.items():
            names = [a["name"] for a in dashboards.annotations(dashboard)]
            self.assertEqual(names, ["Status changes"] * (name in ("overview", "instance")) + ["Exporter restarts", "Alerts"])


    def test_provisioning_fits(self):
        folder = TOP / "grafana/provisioning"
        provider, = yaml.safe_load((folder / "dashboards/hypersender.yml").read_text())["providers"]
        self.assertEqual((provider["type"], provider["allowUiUpdates"]), ("file", False))
        datasource, = yaml.safe_load((folder / "datasources/hypersender.yml").read_text())["datasources"]
        self.assertEqual(datasource["type"], dashboards.DATASOURCE["type"])
        # Else the lists of alerts stay empty.
        self.assertIs(datasource["jsonData"]["manageAlerts"], True)
        # Of less than the scrape interval, $__rate_interval would make rates of single samples.
        scrapes = yaml.safe_load((TOP / "deploy/prometheus/prometheus.yml").read_text())["global"]["scrape_interval"]
        self.assertEqual(datasource["jsonData"]["timeInterval"], scrapes)


# Live

ODD_NAME = 'Sales "Lagos" (new) \\ 1'


def fails(exchange):
    exchange.reply(b'{"message": "Later."}', "503 Service Unavailable")


def quick(rules):
    """The shipped rules with little to wait for, which is not what is tested here."""
    rules = re.sub(r"(?m)^(\s+for): \w+$", r"\1: 1s", re.sub(r"(?m)^\s+interval: \w+\n", "", rules))
    # Hours and days by seconds: an evaluation each second has to be cheap.
    return re.sub(r"\[(?:6h|1d|30d):(?:5m|6h)\]", "[2m:1s]", rules)


RULES = {dashboards.RULES.name: quick(dashboards.RULES.read_text())}


def as_expression(value):
    """As Grafana puts a choice in where several can be made: a regular expression in a string of PromQL."""
    return re.sub(r"[$^*{}\[\]'+?.()|]", r"\\\\\g<0>", value.replace("\\", "\\\\\\\\"))


def as_text(value):
    """As Grafana puts in what is a single choice, or typed."""
    return value.replace("\\", "\\\\").replace("'", "\\\\'")


class Viewer:
    """Asks what Grafana would ask, with its ways of putting variables in."""

    RATE_INTERVAL = 10

    def __init__(self, engine, dashboard, points=60, end=None, **chosen):
        self.engine, self.dashboard, self.seconds, self.points = engine, dashboard, 60, points
        self.end = end or time.time()
        self.values = {}
        for v in dashboards.variables(dashboard):
            self.values[v["name"]] = self._choose(v, chosen.get(v["name"]))

    def _choose(self, v, picked):
        options = self.options(v) if v["type"] == "query" else None
        if picked is not None:
            return as_expression(picked) if v.get("multi") else as_text(picked)
        if "allValue" in v:
            return v["allValue"]
        if v.get("includeAll"):
            # All, without a value for it, is all there are.
            return "(" + "|".join(map(as_expression, options)) + ")"
        return options[0] if options else ""

    def expand(self, text):
        known = self.values | {"__rate_interval": f"{self.RATE_INTERVAL}s", "__range": f"{self.seconds}s", "__interval": "1s"}
        # $1 is a group of a regular expression.
        return re.sub(r"\$\{(\w+)\}|\$([a-zA-Z_]\w*)", lambda m: known[m[1] or m[2]], text)

    def _measured(self, ask, *arguments):
        start, spent = time.monotonic(), self.engine.cpu_seconds()
        answer = ask(*arguments)
        # What other processes take of the machine is not the query's.
        return answer, min(time.monotonic() - start, self.engine.cpu_seconds() - spent)

    def options(self, v):
        """The choices of a variable: their values."""
        return [choice["value"] for choice in self.choices(v)[0]]

    def texts(self, name):
        """The choices of a variable as people see them."""
        return [choice["text"] for choice in self.choices(dashboards.variable(self.dashboard, name))[0]]

    def choices(self, v):
        query = self.expand(dashboards.query_of(v))
        if found := re.fullmatch(r"label_names\((\w+)\)", query):
            series, seconds = self._measured(self.engine.query, found[1], self.end)
            names = sorted({name for each in series for name in each["metric"]})
            return [{"value": name} for name in names if re.search(v["regex"].strip("/"), name)], seconds
        if found := re.fullmatch(r"label_values\((.+), (\w+)\)", query):
            values, seconds = self._measured(self.engine.label_values, found[2], found[1], self.end - self.seconds, self.end)
            return [{"value": value} for value in values], seconds
        query = re.fullmatch(r"query_result\((.+)\)", query, re.DOTALL)[1]
        found, seconds = self._measured(self.engine.query, query, self.end)
        # As Grafana writes a series down, for the variable's regular expression to read.
        lines = ["{" + ",".join(f'{k}="{x}"' for k, x in s["metric"].items()) + "} " + f"{s['value'][1]} {s['value'][0] * 1000:.0f}" for s in found]
        regex = re.compile(v["regex"].strip("/").replace("(?<", "(?P<"))
        return [m.groupdict() or {"value": m[1]} for m in map(regex.search, lines)], seconds

    def all(self):
        """Every query of the dashboard: where it stands, what it found, and how long that took."""
        for p, target in dashboards.targets(self.dashboard):
            what = f"{self.dashboard['uid']}: panel {p['title']!r}, target {target['refId']}"
            yield what, *self._ask(target["expr"], target["instant"], p.get("maxDataPoints"))
        for annotation in dashboards.annotations(self.dashboard):
            what = f"{self.dashboard['uid']}: annotation {annotation['name']!r}"
            yield what, *self._ask(annotation["expr"], False)
        for v in dashboards.variables(self.dashboard, "query"):
            choices, seconds = self.choices(v)
            yield f"{self.dashboard['uid']}: variable {v['name']!r}", choices, seconds

    def _ask(self, expression, instant, points=None):
        if instant:
            return self._measured(self.engine.query, self.expand(expression), self.end)
        step = self.seconds / min(self.points, points or self.points)
        return self._measured(self.engine.query_range, self.expand(expression), self.end - self.seconds, self.end, step)

    def panel(self, title, target=0):
        return self._ask(panel(self.dashboard, title)["targets"][target]["expr"], True)[0]


def number(found):
    return float(found[0]["value"][1])


@unittest.skipUnless(engines.AVAILABLE, "needs Prometheus")
class Live(unittest.TestCase):
    """Two jobs, one with several accounts and one without the label, each with every kind of trouble, and a third to be killed.

    Two targets of the first are one exporter, as replicas show the same.
    """

    @classmethod
    def setUpClass(cls):
        cls.folder = pathlib.Path(cls.enterClassContext(tempfile.TemporaryDirectory()))
        cls.apis = [cls.enterClassContext(FakeAPI([instance(100 * job + n, status="WORKING") for n in range(12)])) for job in (1, 2)]
        cls.apis[1].instances[0]["name"] = ODD_NAME
        cls.apis[1].instances[1]["name"], cls.apis[1].instances[2]["name"] = None, ""
        (cls.folder / "token").write_text(KEY)
        accounts = "accounts:\n" + "".join(f"  - {{name: {name}, token_file: token, base_url: {cls.apis[0].base_url}, labels: {{customer: {name} Ltd}}}}\n" for name in ("acme", "globex"))
        (cls.folder / "accounts.yml").write_text(accounts)
        quick = ("--poll.interval=1s", "--poll.stale-after=30s")
        cls.several = cls.enterClassContext(Exporter(None, f"--config.file={cls.folder}/accounts.yml", *quick, token=None))
        cls.single = cls.enterClassContext(Exporter(cls.apis[1].base_url, "--metrics.status-set=current", stale_after=30))
        cls.doomed = cls.enterClassContext(Exporter(cls.enterClassContext(FakeAPI([])).base_url, stale_after=30))
        cls.engine = cls.enterClassContext(engines.start(cls.folder, {
            "hypersender": [f"127.0.0.1:{cls.several.port}", f"localhost:{cls.several.port}"],
            "hypersender-single": [f"127.0.0.1:{cls.single.port}"], "hypersender-doomed": [f"127.0.0.1:{cls.doomed.port}"]}, rules=RULES))
        cls._make_trouble()

    @classmethod
    def _wait(cls, query, wanted, what):
        wait_until(lambda: cls.engine.value(query) == wanted, 40, f"{what}: {query}",
                   lambda: str(cls.engine.query(query)) + cls.engine.log[-3000:])

    @classmethod
    def _make_trouble(cls):
        # 2 accounts of 12 at two targets, and 12.
        cls._wait('count(hypersender_instance_status{status="WORKING"} == 1)', 60, "all work, and were scraped")
        for api in cls.apis:
            api.answer = fails
        cls._wait('count(count by (job, account) (increase(hypersender_poll_failures_total{reason="server_error"}[1m]) > 0))', 3, "polls fail")
        for api in cls.apis:
            api.answer = honest
        cls._wait("sum(max without (instance) (hypersender_up))", 4, "polls succeed again")
        for api in cls.apis:
            for one, status in zip(api.instances, ("FAILED", "FAILED", "STARTING", "PENDING", "STOPPED", "SCAN_QR_CODE", "BANNED")):
                one["status"] = status
        cls._wait('count(count by (job, account) (increase(hypersender_instance_status_changes_total[1m]) > 0))', 3, "changes were counted")
        cls._wait('count(count by (job, status) (hypersender_instance_status == 1))', 14, "every status at both jobs")
        cls._wait('count(count by (job, account) (ALERTS{alertname="HypersenderInstanceFailed", alertstate="firing"}))', 3, "alerts about instances fire")
        cls._wait('count(count by (job) (ALERTS{scope="account", alertstate="firing"}))', 2, "alerts about accounts fire")
        cls._wait("count(count by (job) (hypersender_api_rate_limit_remaining))", 3, "the API tells its limit")
        # The age of data needs a quarter of a minute of history.
        wait_until(lambda: all(Viewer(cls.engine, BOARDS["overview"], job=job).panel("Time from poll to now") for job in ("hypersender", "hypersender-single")),
                   20, "the age of data is known", lambda: cls.engine.log)
        cls._wait("count(instance_id:hypersender_instance_working:ratio1d < 1 and instance_id:hypersender_instance_working:ratio30d)", 21,
                  "availability is recorded")

    def check(self, board, without=(), **chosen):
        silent = [what for what, found, _ in Viewer(self.engine, BOARDS[board], **chosen).all() if not found and what not in without]
        self.assertEqual(silent, [], "these found nothing")

    def test_every_query_finds_data(self):
        several, single = (api.instances[0]["id"] for api in self.apis)
        for name in BOARDS:
            # An account's name can only be offered where there is one.
            unnamed = [f"hypersender-{name}: variable 'account'"]
            with self.subTest(dashboard=name, chosen="all"):
                self.check(name)
            with self.subTest(dashboard=name, chosen="one account"):
                self.check(name, job="hypersender", account="acme", instance_id=several)
            with self.subTest(dashboard=name, chosen="no account label"):
                self.check(name, unnamed, job="hypersender-single", instance_id=single)
        with self.subTest("a status and a part of a name"):
            self.check("overview", status="FAILED", name="inst.* [12]0[01]$")

    def test_a_dead_exporter_is_shown_and_nothing_else(self):
        chosen = {"job": "hypersender-doomed"}
        self.assertEqual(number(Viewer(self.engine, BOARDS["overview"], **chosen).panel("Exporters down")), 0)
        self.doomed.kill()
        self._wait('up{job="hypersender-doomed"}', 0, "the target is down")
        for name in ("overview", "exporter"):
            view = Viewer(self.engine, BOARDS[name], **chosen)
            self.assertEqual(number(view.panel("Exporters down")), 1)
            # No numbers that would calm: each of these has a text for it.
            self.assertEqual([view.panel(title) for title in ("Accounts failing", "Time from poll to now", "Polls missed")], [[], [], []])
        self.assertEqual(number(Viewer(self.engine, BOARDS["overview"]).panel("Exporters down")), 1)

    def test_a_failed_reload_is_shown(self):
        file, good = self.folder / "accounts.yml", (self.folder / "accounts.yml").read_text()
        for text, shown in (("accounts: 7\n", 0), (good, 1)):
            file.write_text(text)
            self.several.process.send_signal(signal.SIGHUP)
            self._wait('min(hypersender_exporter_config_last_reload_successful{job="hypersender"})', shown, "the reload")
            self.assertEqual(number(Viewer(self.engine, BOARDS["exporter"]).panel("Configuration")), shown)

    def test_nothing_counts_twice(self):
        view = Viewer(self.engine, BOARDS["overview"], job="hypersender")
        self.assertEqual(number(view.panel("Instances")), 24)
        by_status = {s["metric"]["status"]: float(s["value"][1]) for s in view.panel("Instances by status")}
        self.assertEqual(by_status, {"WORKING": 10, "FAILED": 4} | dict.fromkeys(("STARTING", "PENDING", "STOPPED", "SCAN_QR_CODE", "UNKNOWN"), 2))
        self.assertEqual(number(view.panel("Working")), 10 / 22)
        self.assertEqual(len(view.panel("Accounts")), 2)
        self.assertEqual(len(view.panel("Instances in trouble")), 14)

    def test_the_table_is_in_order_of_gravity(self):
        for job in ("hypersender", "hypersender-single"):
            rows = Viewer(self.engine, BOARDS["overview"], job=job).panel("Instances in trouble")
            seen = {row["metric"]["status"]: row["metric"]["gravity"] for row in rows}
            self.assertEqual(sorted(seen, key=seen.get), ["FAILED", "SCAN_QR_CODE", "UNKNOWN", "PENDING", "STARTING", "STOPPED"])
            for row in rows:
                self.assertEqual("account" in row["metric"], job == "hypersender")
                self.assertTrue(0 < time.time() * 1000 - float(row["value"][1]) < 120_000, row)

    def test_the_timeline_has_the_codes_of_the_recording_rule(self):
        view = Viewer(self.engine, BOARDS["overview"])
        shown = {(s["metric"].get("account"), s["metric"]["instance_id"]): s["value"][1] for s in view.panel("Instances in trouble over time")}
        at = view.end
        recorded = {(s["metric"].get("account"), s["metric"]["instance_id"]): s["value"][1]
                    for s in self.engine.query("instance_id:hypersender_instance_status:code > 1", at)}
        self.assertEqual(shown, recorded)
        self.assertEqual(set(shown.values()), {"2", "3", "4", "5", "6", "7"})

    def test_accounts_can_be_chosen_by_a_label_of_their_own(self):
        self.assertIn("customer", {choice["value"] for choice in Viewer(self.engine, BOARDS["overview"]).choices(dashboards.variable(BOARDS["overview"], "label"))[0]})
        for board in BOARDS:
            view = Viewer(self.engine, BOARDS[board], label="customer", value="acme Ltd")
            self.assertEqual(sorted(view.options(dashboards.variable(BOARDS[board], "value"))), ["acme Ltd", "globex Ltd"])
        view = Viewer(self.engine, BOARDS["overview"], label="customer", value="acme Ltd")
        self.assertEqual(number(view.panel("Instances")), 12)
        for board, title in (("overview", "Instances in trouble"), ("overview", "Accounts"), ("availability", "All instances")):
            rows = Viewer(self.engine, BOARDS[board], label="customer", value="acme Ltd").panel(title)
            self.assertEqual({(row["metric"]["account"], row["metric"]["customer"]) for row in rows}, {("acme", "acme Ltd")}, title)

    def test_an_instance_is_found_by_its_id_and_by_its_name(self):
        wanted = self.apis[1].instances[0]["id"]
        for find in (wanted, wanted[:30], "sales", "LAGOS.*1$"):
            view = Viewer(self.engine, BOARDS["instance"], find=find, job="hypersender-single")
            self.assertIn(wanted, view.options(dashboards.variable(BOARDS["instance"], "instance_id")), find)
        view = Viewer(self.engine, BOARDS["instance"], find=wanted)
        self.assertEqual(view.values["instance_id"], wanted)
        self.assertEqual(view.texts("instance_id"), [ODD_NAME])

    def test_an_instance_without_a_name_is_called_by_its_id(self):
        nameless = [each["id"] for each in self.apis[1].instances[1:3]]
        self.assertLessEqual(set(nameless), set(Viewer(self.engine, BOARDS["instance"], job="hypersender-single").texts("instance_id")))
        for board, title in (("overview", "Instances in trouble"), ("overview", "Instances in trouble over time"),
                             ("overview", "Most changes in the last hour"), ("availability", "All instances")):
            rows = Viewer(self.engine, BOARDS[board], job="hypersender-single").panel(title)
            shown = {s["metric"]["instance_id"]: s["metric"]["shown"] for s in rows}
            self.assertEqual([shown[each] for each in nameless], nameless, title)
            self.assertEqual(shown[self.apis[1].instances[0]["id"]], ODD_NAME, title)
        for each in nameless:
            # As the tables' links give it.
            view = Viewer(self.engine, BOARDS["instance"], job="hypersender-single", find=each, instance_id=each)
            self.assertEqual((view.options(dashboards.variable(view.dashboard, "instance_id")), view.texts("instance_id")), ([each], [each]))
            self.assertEqual([s["metric"]["shown"] for s in view.panel("Status over time")], [each])

    def test_availability_of_all(self):
        for job, api, series in (("hypersender", self.apis[0], 24), ("hypersender-single", self.apis[1], 12)):
            view = Viewer(self.engine, BOARDS["availability"], job=job)
            # The table joins them by all the labels they share, and by nothing else.
            status, day, month = (view.panel("All instances", target) for target in range(3))
            rows = {frozenset((k, v) for k, v in s["metric"].items() if k not in ("status", "shown")) for s in status}
            self.assertEqual(len(rows), series)
            for found in (day, month):
                self.assertEqual({frozenset(s["metric"].items()) for s in found}, rows)
            for s in day:
                part, works = float(s["value"][1]), s["metric"]["instance_id"] in {each["id"] for each in api.instances if each["status"] == "WORKING"}
                self.assertTrue(part == 1 if works else 0 < part < 1, s)
        view = Viewer(self.engine, BOARDS["availability"], job="hypersender-single", status="FAILED")
        self.assertEqual([len(view.panel("All instances", target)) for target in range(3)], [2, 2, 2])

    def test_time_in_each_status_adds_up(self):
        for job, api in zip(("hypersender", "hypersender-single"), self.apis):
            view = Viewer(self.engine, BOARDS["instance"], job=job, account=("acme" if api is self.apis[0] else None), instance_id=api.instances[0]["id"])
            shares = {s["metric"]["status"]: float(s["value"][1]) for s in view.panel("Time in each status")}
            self.assertAlmostEqual(sum(shares.values()), 1, msg=str(shares))
            self.assertEqual(set(shares), {"WORKING", "FAILED"})


def asking(board, up_to=None):
    """The titles of a dashboard's panels that ask something, up to a row."""
    rows = itertools.takewhile(lambda p: p["title"] != up_to, BOARDS[board]["panels"])
    return {p["title"] for p in rows if p.get("targets")}


@unittest.skipUnless(engines.AVAILABLE, "needs Prometheus")
class States(unittest.TestCase):
    """An account in each state, of an exporter that serves them all, and an exporter that is down: no query fails in any of them."""

    @classmethod
    def setUpClass(cls):
        folder = pathlib.Path(cls.enterClassContext(tempfile.TemporaryDirectory()))
        lists = {status: [instance(n, status=status)] for n, status in enumerate((*STATUSES, "BANNED"))}
        lists |= {"nameless": [instance(7, name=None, status="FAILED")], "empty": []}
        lists |= {name: [instance(10 + n, status="WORKING")] for n, name in enumerate(("withdrawn", "never", "removed"))}
        cls.apis = {name: cls.enterClassContext(FakeAPI(instances)) for name, instances in lists.items()}
        cls.apis["never"].answer = fails
        (folder / "token").write_text(KEY)
        accounts = {name: f"  - {{name: {name}, token_file: token, base_url: {api.base_url}}}\n" for name, api in cls.apis.items()}
        file = folder / "accounts.yml"
        file.write_text("accounts:\n" + "".join(accounts.values()))
        exporter = cls.enterClassContext(Exporter(None, f"--config.file={file}", "--poll.interval=1s", "--poll.stale-after=4s", token=None))
        doomed = cls.enterClassContext(Exporter(cls.apis["WORKING"].base_url))
        cls.engine = cls.enterClassContext(engines.start(folder, {
            "hypersender": [f"127.0.0.1:{exporter.port}"], "hypersender-down": [f"127.0.0.1:{doomed.port}"]}, rules=RULES))
        cls._wait('count(count by (account) (hypersender_instance_up{job="hypersender"}))', len(lists) - 2, "all were scraped")
        cls._wait('count(instance_id:hypersender_instance_working:ratio1d)', len(lists) - 1, "all were recorded")
        cls.apis["withdrawn"].answer = fails
        file.write_text("accounts:\n" + "".join(text for name, text in accounts.items() if name != "removed"))
        exporter.process.send_signal(signal.SIGHUP)
        doomed.kill()
        cls._wait('count(hypersender_instance_up)', len(lists) - 4, "one was withdrawn, and one removed, and one exporter is down")

    @classmethod
    def _wait(cls, query, wanted, what):
        wait_until(lambda: cls.engine.value(query) == wanted, 40, f"{what}: {query}", lambda: str(cls.engine.query(query)) + cls.engine.log[-3000:])

    SECONDS = 5

    # Queries that find nothing, by dashboard: panels, where not all of a panel's with the targets, and variables.
    QUIET = {"exporter": {"Failures by reason"}, "overview": {"Most changes in the last hour"}}
    CALM = QUIET | {"overview": QUIET["overview"] | {"Instances in trouble", "Instances in trouble over time", "trouble"}}
    EMPTY = {
        "availability": {"All instances"},
        "instance": asking("instance") | {"instance_id"},
        "exporter": CALM["exporter"],
        "overview": CALM["overview"] | {"Changes of status"},
    }
    WITHDRAWN = EMPTY | {
        "exporter": set(),
        "overview": EMPTY["overview"] | {"Instances", "Instances by status", "Instances by status over time", "Working", "Accounts C", "Accounts D"},
    }
    NEVER = WITHDRAWN | {
        "exporter": {"Time from poll to now", "Polls missed", "Age of data", "Size of the list", "Odd elements of the list A", "Odd elements of the list B"},
        "overview": WITHDRAWN["overview"] | {"Time from poll to now", "Polls missed", "Accounts B"},
    }
    # Panels about exporters as such go on.
    REMOVED = EMPTY | {
        "exporter": asking("exporter", up_to="The exporter itself") - {"Exporters down", "Configuration"},
        "overview": asking("overview") - {"Exporters down"} | {"trouble"},
    }
    DOWN = {board: asking(board) - {"Exporters down"} | {"account"} | more for board, more in (
        ("overview", {"trouble"}), ("instance", {"instance_id"}), ("availability", set()), ("exporter", set()))}
    STATES = dict.fromkeys((*STATUSES, "BANNED", "nameless"), QUIET) | {
        "WORKING": CALM, "empty": EMPTY, "withdrawn": WITHDRAWN, "never": NEVER, "removed": REMOVED}

    def silent(self, board, **chosen):
        """Queries that find nothing, but for those that may have nothing to tell: annotations, and labels of accounts."""
        view = Viewer(self.engine, BOARDS[board], points=self.SECONDS, **chosen)
        view.seconds = self.SECONDS
        found = set()
        for what, answer, _ in view.all():
            kind, name, target = re.fullmatch(r"\S+: (\w+) '(.+?)'(?:, target (\w))?", what).groups()
            # The accounts here have no labels of their own.
            if not answer and kind != "annotation" and (kind, name) != ("variable", "label"):
                found.add(f"{name} {target}" if target else name)
        for p in dashboards.panels(BOARDS[board]):
            letters = {f"{p['title']} {target['refId']}" for target in p.get("targets", ())}
            if letters and letters <= found:
                found = found - letters | {p["title"]}
        return found

    def check(self, wanted, **chosen):
        for board in BOARDS:
            with self.subTest(dashboard=board):
                # Graphs find what there was in the seconds before, which the engines draw out differently.
                wait_until(lambda: self.silent(board, **chosen) == wanted.get(board, set()), 20, "what finds nothing",
                           lambda: str(self.silent(board, **chosen) ^ wanted.get(board, set())))

    def test_accounts(self):
        self.assertEqual(set(self.STATES), set(self.apis))
        for name, wanted in self.STATES.items():
            with self.subTest(name):
                self.check(wanted, job="hypersender", account=name, instance_id=next((each["id"] for each in self.apis[name].instances), ""))

    def test_an_exporter_that_is_down(self):
        self.check(self.DOWN, job="hypersender-down", instance_id=self.apis["WORKING"].instances[0]["id"])


class Polls:
    """An exporter's polls as Prometheus would have scraped them, every 15 seconds up to `end`; its clock is off by `clock` seconds."""

    SCRAPE = 15

    def __init__(self, end, clock=0, interval=30, failing=0, silent=(), instance="a"):
        """Polls fail in the last `failing` seconds; the exporter restarts over the last `silent` seconds, from and to."""
        self.clock, self.interval, self.instance = clock, interval, instance
        generator = random.Random(instance)
        # Seconds before the end, longest ago first.
        self.polls, self.started, ago, pause = [], 0, 90 * 60, interval
        while ago > 0:
            if silent and not self.started and ago <= silent[0]:
                ago, failing, self.started = silent[1], 0, end - silent[1]
            good = ago > failing
            self.polls.append((end - ago, good))
            pause = interval if good else min(2 * pause, max(300, interval))
            ago -= pause * (1 + generator.random() / 10)
        first = 90 * 60 - self.SCRAPE * generator.random()
        whens = [first - n * self.SCRAPE for n in range(int(first / self.SCRAPE) + 1)]
        self.scrapes = [end - ago for ago in whens if not (silent and silent[1] <= ago < silent[0])]

    def at(self, when):
        """The last poll and the last good one of the running process at a moment."""
        done = [(at, good) for at, good in self.polls if at <= when and (at >= self.started or when < self.started)]
        return max((at for at, _ in done), default=None), max((at for at, good in done if good), default=None)

    def age(self, when):
        """The true age of its data at the last scrape."""
        scrape = max(at for at in self.scrapes if at <= when)
        return scrape - self.at(scrape)[1]

    def history(self, job):
        labels = f'job="{job}",instance="{self.instance}"'
        for scrape in self.scrapes:
            last, good = self.at(scrape)
            values = {"hypersender_up": int(last == good), "hypersender_poll_interval_seconds": self.interval}
            values |= {"hypersender_last_poll_timestamp_seconds": last + self.clock} if last else {}
            values |= {"hypersender_last_successful_poll_timestamp_seconds": good + self.clock} if good else {}
            yield from (f"{name}{{{labels}}} {value:.3f} {scrape:.3f}" for name, value in values.items())


@unittest.skipUnless(engines.AVAILABLE, "needs Prometheus")
class DataAge(unittest.TestCase):
    def test_is_true_whatever_the_exporters_clock_says(self):
        end = int(time.time()) - 60
        jobs = {
            "right": [Polls(end)],
            "fast": [Polls(end, 3600)],
            "slow": [Polls(end, -3600)],
            "rarely": [Polls(end, 3600, interval=300)],
            "failing": [Polls(end, 3600, failing=70 * 60)],
            "failing-slow": [Polls(end, -3600, failing=70 * 60)],
            "failing-rarely": [Polls(end, -3600, interval=300, failing=40 * 60)],
            "restarted": [Polls(end, 3600, failing=40 * 60, silent=(200, 100))],
            # The one with the newer data counts.
            "replicas": [Polls(end, 3600, failing=3600, instance="a"), Polls(end, -3600, instance="b")],
        }
        lines = [line for job, replicas in jobs.items() for each in replicas for line in each.history(job)]
        engine = self.enterContext(engines.start(self.enterContext(tempfile.TemporaryDirectory()), history="\n".join([*lines, "# EOF", ""])))
        wait_until(lambda: engine.query("count(hypersender_up)", end), 20, "the history can be asked for", lambda: engine.log)
        for job, replicas in jobs.items():
            for when in range(end - 90, end + 1, 9):
                with self.subTest(job, before=end - when):
                    age = min(each.age(when) for each in replicas)
                    view = Viewer(engine, BOARDS["overview"], end=when, job=job)
                    shown = number(view.panel("Time from poll to now"))
                    self.assertTrue(age - Polls.SCRAPE <= shown <= age + 0.1, f"{shown} s is shown of {age} s")
                    self.assertAlmostEqual(number(view.panel("Polls missed")), shown / replicas[0].interval)
            with self.subTest(job, over="time"):
                # As a graph, of the whole hour.
                view = Viewer(engine, BOARDS["exporter"], end=end, job=job)
                view.seconds = 3600
                self.assertTrue(view.panel("Age of data"))


@unittest.skipUnless(engines.AVAILABLE, "needs Prometheus")
class Large(unittest.TestCase):
    INSTANCES = 10_000
    # The shipped rules would take the machine's time from the queries; what counts here is that thousands of alerts fire.
    ALERTS = """
groups:
  - name: alerts
    rules:
      - {alert: HypersenderInstanceFailed, expr: hypersender_instance_up == 0, labels: {severity: critical, scope: instance}}
      - {record: "instance_id:hypersender_instance_working:ratio1d", expr: max without (instance) (hypersender_instance_up)}
      - {record: "instance_id:hypersender_instance_working:ratio30d", expr: max without (instance) (hypersender_instance_up)}
"""
    # The only one that is meant to show them all; it is asked every five minutes only.
    WHOLE = "hypersender-availability: panel 'All instances'"

    def test_ten_thousand_instances(self):
        folder = self.enterContext(tempfile.TemporaryDirectory())
        # A quarter is in trouble, in every way.
        instances = [instance(n, status=("FAILED", "SCAN_QR_CODE", "STARTING", "PENDING", "STOPPED", "BANNED")[n // 4 % 6] if n % 4 == 0 else "WORKING")
                     for n in range(self.INSTANCES)]
        api = self.enterContext(FakeAPI(instances))
        exporter = self.enterContext(Exporter(api.base_url, interval="5s", timeout="20s", stale_after=60))
        engine = self.enterContext(engines.start(folder, {"hypersender": [f"127.0.0.1:{exporter.port}"]}, interval="5s", rules={"alerts.yml": self.ALERTS}))
        query = "count(hypersender_instance_up) + 0 * count(count_over_time(hypersender_up[1m]) >= 3)"
        wait_until(lambda: engine.value(query) == self.INSTANCES, 60, "three scrapes of all", lambda: engine.log)
        wait_until(lambda: engine.value('count(ALERTS{alertstate="firing"})') == self.INSTANCES / 4, 30, "thousands of alerts fire", lambda: engine.log)
        end = time.time()
        # Scrapes of so many series would take the machine's time from the queries, which ask for this moment.
        exporter.kill()
        for name, dashboard in BOARDS.items():
            # As many points as six hours have at the shipped scrape interval, though of fewer samples.
            view = Viewer(engine, dashboard, points=720, end=end)
            asked = {what: (len(found), seconds) for what, found, seconds in view.all()}
            # A collection of garbage can delay any one answer: only a query that is slow three times is slow.
            for _ in range(2):
                if max(seconds for _, seconds in asked.values()) > 2:
                    asked = {what: (len(found), min(seconds, asked[what][1])) for what, found, seconds in view.all()}
            for what, (series, seconds) in asked.items():
                with self.subTest(what):
                    whole = what.startswith(self.WHOLE)
                    self.assertLessEqual(series, self.INSTANCES if whole else 500)
                    self.assertLess(seconds, 5 if whole else 2)
            for worst, unit, key in (("most series", "", 0), ("slowest", " s", 1)):
                what = max(asked, key=lambda w: asked[w][key])
                print(f"{worst}: {asked[what][key]:.3g}{unit} for {what}")


if __name__ == "__main__":
    unittest.main()
