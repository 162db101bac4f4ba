"""The dashboards: the linter's rules and ours, a round trip through Grafana's own types, and every query asked of a real Prometheus."""

import copy
import json
import os
import pathlib
import re
import shutil
import signal
import subprocess
import tempfile
import time
import unittest
import urllib.parse
import urllib.request

import yaml
from grafana_foundation_sdk.cog.encoder import JSONEncoder
from grafana_foundation_sdk.cog.plugins import register_default_plugins
from grafana_foundation_sdk.models.dashboard import Dashboard

import dashboards
from exporter import TOP, Exporter, environment, wait_until
from fake_api import KEY, FakeAPI, honest, instance

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
    ("absent_account", lambda d: replace(d, "Instances", 'account=~"$account"', 'account!=""')),
    ("limits", lambda d: replace(d, "Most changes in the last hour", "topk(20", "topk(5000")),
    ("no_false_calm", _set("color", "green", lambda d: panel(d, "Exporters down")["fieldConfig"]["defaults"]["thresholds"]["steps"][0])),
    ("known_variables", lambda d: replace(d, "Instances", "$account", "$acount")),
    ("known_variables", lambda d: d["templating"]["list"].append({"name": "spare", "type": "textbox", "query": ""})),
]


class Files(unittest.TestCase):
    def test_there_are_the_three(self):
        self.assertEqual({p.stem for p in dashboards.load()}, dashboards.UIDS)
        for path, dashboard in dashboards.load().items():
            self.assertEqual(path.stem, dashboard["uid"])

    @unittest.skipUnless(shutil.which("jsonnet"), "needs jsonnet")
    def test_written_from_the_mixin(self):
        checked = subprocess.run([TOP / "deploy/generate", "--check"], capture_output=True, text=True)
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
            self.assertEqual(names, ["Status changes"] * (name != "exporter") + ["Exporter restarts", "Alerts"])


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


class Prometheus:
    """A real Prometheus; unless told otherwise with the shipped rules, at short intervals."""

    def __init__(self, folder, scrapes, interval="1s", rules=None):
        self.folder = pathlib.Path(folder)
        if rules is None:
            # Waiting is not what is tested here.
            rules = {p.name: re.sub(r"(?m)^(\s+for): \d+m$", r"\1: 1s", p.read_text()) for p in (TOP / "deploy/prometheus/rules").glob("*.yml")}
        files = sorted(rules)
        for name, text in rules.items():
            (self.folder / name).write_text(text)
        config = {
            "global": {"scrape_interval": interval, "scrape_timeout": interval, "evaluation_interval": interval}, "rule_files": files,
            "scrape_configs": [{"job_name": job, "static_configs": [{"targets": targets}]} for job, targets in scrapes.items()]}
        (self.folder / "prometheus.yml").write_text(json.dumps(config))
        self.log = self.folder / "log"
        with self.log.open("w") as log:
            self.process = subprocess.Popen(
                ["prometheus", f"--config.file={self.folder}/prometheus.yml", f"--storage.tsdb.path={self.folder}/data", "--web.listen-address=127.0.0.1:0"],
                env=environment(), stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        try:
            self.url = "http://" + wait_until(self._address, 20, "Prometheus listens", self.log.read_text)
            wait_until(self._ready, 20, "Prometheus is ready", self.log.read_text)
        except BaseException:
            self.__exit__()
            raise

    def _address(self):
        found = re.search(r'msg="Listening on" address=(\S+)', self.log.read_text())
        return found and found[1]

    def _ready(self):
        try:
            with urllib.request.urlopen(self.url + "/-/ready", timeout=2) as answer:
                return answer.status == 200
        except OSError:
            return False

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.kill()
        self.process.wait()

    def cpu_seconds(self):
        """The processor time it has used."""
        fields = pathlib.Path(f"/proc/{self.process.pid}/stat").read_text().rpartition(")")[2].split()
        return sum(map(int, fields[11:13])) / os.sysconf("SC_CLK_TCK")

    def ask(self, path, **parameters):
        body = urllib.parse.urlencode(parameters, doseq=True)
        # The rest can only be asked for with GET.
        get = path.startswith("label/") or path == "rules"
        request = urllib.request.Request(f"{self.url}/api/v1/{path}" + (f"?{body}" if get else ""), None if get else body.encode())
        try:
            with urllib.request.urlopen(request, timeout=30) as answer:
                return json.load(answer)["data"]
        except urllib.error.HTTPError as error:
            raise AssertionError(f"{parameters}: {error.read().decode()}") from None

    def instant(self, query, at=None):
        return self.ask("query", query=query, time=at or time.time())["result"]

    def value(self, query):
        found = self.instant(query)
        return float(found[0]["value"][1]) if found else None


def as_expression(value):
    """As Grafana puts a choice in where several can be made: a regular expression in a string of PromQL."""
    return re.sub(r"[$^*{}\[\]'+?.()|]", r"\\\\\g<0>", value.replace("\\", "\\\\\\\\"))


def as_text(value):
    """As Grafana puts in what is a single choice, or typed."""
    return value.replace("\\", "\\\\").replace("'", "\\\\'")


class Viewer:
    """Asks what Grafana would ask, with its ways of putting variables in."""

    def __init__(self, prometheus, dashboard, points=60, end=None, **chosen):
        self.prometheus, self.dashboard, self.seconds, self.points = prometheus, dashboard, 60, points
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
        known = self.values | {"__rate_interval": "10s", "__range": f"{self.seconds}s", "__interval": "1s"}
        return re.sub(r"\$\{(\w+)\}|\$(\w+)", lambda m: known[m[1] or m[2]], text)

    def _measured(self, *arguments, **parameters):
        start, spent = time.monotonic(), self.prometheus.cpu_seconds()
        answer = self.prometheus.ask(*arguments, **parameters)
        # What other processes take of the machine is not the query's.
        seconds = min(time.monotonic() - start, self.prometheus.cpu_seconds() - spent)
        return answer if isinstance(answer, list) else answer["result"], seconds

    def options(self, v):
        """The choices of a variable: their values."""
        return [choice["value"] for choice in self.choices(v)[0]]

    def texts(self, name):
        """The choices of a variable as people see them."""
        return [choice["text"] for choice in self.choices(dashboards.variable(self.dashboard, name))[0]]

    def choices(self, v):
        query = self.expand(dashboards.query_of(v))
        if found := re.fullmatch(r"label_values\((.+), (\w+)\)", query):
            values, seconds = self._measured(f"label/{found[2]}/values", **{"match[]": found[1], "start": self.end - self.seconds, "end": self.end})
            return [{"value": value} for value in values], seconds
        query = re.fullmatch(r"query_result\((.+)\)", query, re.DOTALL)[1]
        found, seconds = self._measured("query", query=query, time=self.end)
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
            return self._measured("query", query=self.expand(expression), time=self.end)
        step = self.seconds / min(self.points, points or self.points)
        return self._measured("query_range", query=self.expand(expression), start=self.end - self.seconds, end=self.end, step=step)

    def panel(self, title, target=0):
        return self._ask(panel(self.dashboard, title)["targets"][target]["expr"], True)[0]


def number(found):
    return float(found[0]["value"][1])


@unittest.skipUnless(shutil.which("prometheus"), "needs Prometheus")
class Live(unittest.TestCase):
    """Two jobs, one with several accounts and one without the label, each with every kind of trouble, and a third to be killed.

    Two targets of the first are one exporter, as replicas show the same.
    """

    @classmethod
    def setUpClass(cls):
        cls.folder = pathlib.Path(cls.enterClassContext(tempfile.TemporaryDirectory()))
        cls.apis = [cls.enterClassContext(FakeAPI([instance(100 * job + n, status="WORKING") for n in range(12)])) for job in (1, 2)]
        cls.apis[1].instances[0]["name"] = ODD_NAME
        (cls.folder / "token").write_text(KEY)
        accounts = "accounts:\n" + "".join(f"  - {{name: {name}, token_file: token, base_url: {cls.apis[0].base_url}}}\n" for name in ("acme", "globex"))
        (cls.folder / "accounts.yml").write_text(accounts)
        quick = ("--poll.interval=1s", "--poll.stale-after=30s")
        cls.several = cls.enterClassContext(Exporter(None, f"--config.file={cls.folder}/accounts.yml", *quick, token=None))
        cls.single = cls.enterClassContext(Exporter(cls.apis[1].base_url, "--metrics.status-set=current", stale_after=30))
        cls.doomed = cls.enterClassContext(Exporter(cls.enterClassContext(FakeAPI([])).base_url, stale_after=30))
        cls.prometheus = cls.enterClassContext(Prometheus(cls.folder, {
            "hypersender": [f"127.0.0.1:{cls.several.port}", f"localhost:{cls.several.port}"],
            "hypersender-single": [f"127.0.0.1:{cls.single.port}"], "hypersender-doomed": [f"127.0.0.1:{cls.doomed.port}"]}))
        cls._make_trouble()

    @classmethod
    def _wait(cls, query, wanted, what):
        wait_until(lambda: cls.prometheus.value(query) == wanted, 40, f"{what}: {query}",
                   lambda: str(cls.prometheus.instant(query)) + cls.prometheus.log.read_text()[-3000:])

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

    def check(self, board, without=(), **chosen):
        silent = [what for what, found, _ in Viewer(self.prometheus, BOARDS[board], **chosen).all() if not found and what not in without]
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
        self.assertEqual(number(Viewer(self.prometheus, BOARDS["overview"], **chosen).panel("Exporters down")), 0)
        self.doomed.kill()
        self._wait('up{job="hypersender-doomed"}', 0, "the target is down")
        for name in ("overview", "exporter"):
            view = Viewer(self.prometheus, BOARDS[name], **chosen)
            self.assertEqual(number(view.panel("Exporters down")), 1)
            # No numbers that would calm: each of these has a text for it.
            self.assertEqual([view.panel(title) for title in ("Accounts failing", "Oldest data", "Polls missed")], [[], [], []])
        self.assertEqual(number(Viewer(self.prometheus, BOARDS["overview"]).panel("Exporters down")), 1)

    def test_a_failed_reload_is_shown(self):
        file, good = self.folder / "accounts.yml", (self.folder / "accounts.yml").read_text()
        for text, shown in (("accounts: 7\n", 0), (good, 1)):
            file.write_text(text)
            self.several.process.send_signal(signal.SIGHUP)
            self._wait('min(hypersender_exporter_config_last_reload_successful{job="hypersender"})', shown, "the reload")
            self.assertEqual(number(Viewer(self.prometheus, BOARDS["exporter"]).panel("Configuration")), shown)

    def test_nothing_counts_twice(self):
        view = Viewer(self.prometheus, BOARDS["overview"], job="hypersender")
        self.assertEqual(number(view.panel("Instances")), 24)
        by_status = {s["metric"]["status"]: float(s["value"][1]) for s in view.panel("Instances by status")}
        self.assertEqual(by_status, {"WORKING": 10, "FAILED": 4} | dict.fromkeys(("STARTING", "PENDING", "STOPPED", "SCAN_QR_CODE", "UNKNOWN"), 2))
        self.assertEqual(number(view.panel("Working")), 10 / 22)
        self.assertEqual(len(view.panel("Accounts")), 2)
        self.assertEqual(len(view.panel("Instances in trouble")), 14)

    def test_the_table_is_in_order_of_gravity(self):
        for job in ("hypersender", "hypersender-single"):
            rows = Viewer(self.prometheus, BOARDS["overview"], job=job).panel("Instances in trouble")
            seen = {row["metric"]["status"]: row["metric"]["gravity"] for row in rows}
            self.assertEqual(sorted(seen, key=seen.get), ["FAILED", "SCAN_QR_CODE", "UNKNOWN", "PENDING", "STARTING", "STOPPED"])
            for row in rows:
                self.assertEqual("account" in row["metric"], job == "hypersender")
                self.assertTrue(0 < time.time() * 1000 - float(row["value"][1]) < 120_000, row)

    def test_the_timeline_has_the_codes_of_the_recording_rule(self):
        view = Viewer(self.prometheus, BOARDS["overview"])
        shown = {(s["metric"].get("account"), s["metric"]["instance_id"]): s["value"][1] for s in view.panel("Instances in trouble over time")}
        at = view.end
        recorded = {(s["metric"].get("account"), s["metric"]["instance_id"]): s["value"][1]
                    for s in self.prometheus.instant("instance_id:hypersender_instance_status:code > 1", at)}
        self.assertEqual(shown, recorded)
        self.assertEqual(set(shown.values()), {"2", "3", "4", "5", "6", "7"})

    def test_an_instance_is_found_by_its_id_and_by_its_name(self):
        wanted = self.apis[1].instances[0]["id"]
        for find in (wanted, wanted[:30], "sales", "LAGOS.*1$"):
            view = Viewer(self.prometheus, BOARDS["instance"], find=find, job="hypersender-single")
            self.assertIn(wanted, view.options(dashboards.variable(BOARDS["instance"], "instance_id")), find)
        view = Viewer(self.prometheus, BOARDS["instance"], find=wanted)
        self.assertEqual(view.values["instance_id"], wanted)
        self.assertEqual(view.texts("instance_id"), [ODD_NAME])

    def test_time_in_each_status_adds_up(self):
        for job, api in zip(("hypersender", "hypersender-single"), self.apis):
            view = Viewer(self.prometheus, BOARDS["instance"], job=job, account=("acme" if api is self.apis[0] else None), instance_id=api.instances[0]["id"])
            shares = {s["metric"]["status"]: float(s["value"][1]) for s in view.panel("Time in each status")}
            self.assertAlmostEqual(sum(shares.values()), 1, msg=str(shares))
            self.assertEqual(set(shares), {"WORKING", "FAILED"})


@unittest.skipUnless(shutil.which("prometheus"), "needs Prometheus")
class Large(unittest.TestCase):
    INSTANCES = 10_000
    # The shipped rules would take the machine's time from the queries; what counts here is that thousands of alerts fire.
    ALERTS = """
groups:
  - name: alerts
    rules:
      - {alert: HypersenderInstanceFailed, expr: hypersender_instance_up == 0, labels: {severity: critical, scope: instance}}
"""

    def test_ten_thousand_instances(self):
        folder = self.enterContext(tempfile.TemporaryDirectory())
        # A quarter is in trouble, in every way.
        instances = [instance(n, status=("FAILED", "SCAN_QR_CODE", "STARTING", "PENDING", "STOPPED", "BANNED")[n // 4 % 6] if n % 4 == 0 else "WORKING")
                     for n in range(self.INSTANCES)]
        api = self.enterContext(FakeAPI(instances))
        exporter = self.enterContext(Exporter(api.base_url, interval="5s", timeout="20s", stale_after=60))
        prometheus = self.enterContext(Prometheus(folder, {"hypersender": [f"127.0.0.1:{exporter.port}"]}, interval="5s", rules={"alerts.yml": self.ALERTS}))
        query = "count(hypersender_instance_up) + 0 * count(count_over_time(hypersender_up[1m]) >= 3)"
        wait_until(lambda: prometheus.value(query) == self.INSTANCES, 60, "three scrapes of all", prometheus.log.read_text)
        wait_until(lambda: prometheus.value('count(ALERTS{alertstate="firing"})') == self.INSTANCES / 4, 30, "thousands of alerts fire", prometheus.log.read_text)
        end = time.time()
        # Scrapes of so many series would take the machine's time from the queries, which ask for this moment.
        exporter.kill()
        for name, dashboard in BOARDS.items():
            # As many points as six hours have at the shipped scrape interval, though of fewer samples.
            view = Viewer(prometheus, dashboard, points=720, end=end)
            asked = {what: (len(found), seconds) for what, found, seconds in view.all()}
            # A collection of garbage can delay any one answer: only a query that is slow three times is slow.
            for _ in range(2):
                if max(seconds for _, seconds in asked.values()) > 2:
                    asked = {what: (len(found), min(seconds, asked[what][1])) for what, found, seconds in view.all()}
            for what, (series, seconds) in asked.items():
                with self.subTest(what):
                    self.assertLessEqual(series, 500)
                    self.assertLess(seconds, 2)
            for worst, unit, key in (("most series", "", 0), ("slowest", " s", 1)):
                what = max(asked, key=lambda w: asked[w][key])
                print(f"{worst}: {asked[what][key]:.3g}{unit} for {what}")


if __name__ == "__main__":
    unittest.main()
