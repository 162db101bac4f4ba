"""The shipped rules and the configuration of Prometheus: valid, tested, and about what the exporter really exposes."""

import concurrent.futures
import json
import os
import pathlib
import re
import subprocess
import tempfile
import unittest

import promql_parser
import rjsonnet
import yaml

import dashboards
import exposition
from exporter import KEY, TOP, Exporter, wait_until
from exporter import run as run_exporter
from fake_api import FakeAPI

DEPLOY = TOP / "deploy"
RULES = DEPLOY / "prometheus/hypersender.rules.yml"
SCENARIOS = sorted((TOP / "Tests/Rules").glob("*.jsonnet"))
PROMTOOL = os.environ.get("PROMTOOL", "promtool")
PROMETHEUS = DEPLOY / "prometheus/prometheus.yml"
RUNBOOKS = DEPLOY / "RUNBOOKS.md"
RUNBOOK_URL = "http://localhost:10058/runbooks#"

# Alerts that need no `for`: their expression looks back half an hour or more.
WITHOUT_FOR = {"HypersenderInstanceFlapping", "HypersenderExporterRestarting"}
# Labels that Prometheus gives, or that exist only where the user's scrape adds them; rules may name those to drop or keep them.
FROM_PROMETHEUS = {"job", "instance", "cluster", "namespace", "alertname", "alertstate", "alertgroup", "severity", "scope"}
OF_TARGETS = {
    "pod", "container", "endpoint", "node", "host", "hostname", "pod_template_hash", "controller_revision_hash",
}
SERIES_OF_PROMETHEUS = {"up", "ALERTS"}
# Made by `count_values`.
OF_RULES = {"shard", "hash"}


def run(*command):
    """A tool's exit code and all it printed."""
    done = subprocess.run(list(map(str, command)), capture_output=True, text=True, timeout=900, check=False)
    return done.returncode, done.stdout + done.stderr


GROUPS = yaml.safe_load(RULES.read_text())["groups"]
RECORDS = [rule for group in GROUPS for rule in group["rules"] if "record" in rule]
ALERTS = [rule for group in GROUPS for rule in group["rules"] if "alert" in rule]


def generate(settings):
    """The rules that deploy/mixin/generate makes with settings, and the exit code."""
    with tempfile.NamedTemporaryFile("w", suffix=".libsonnet") as file:
        file.write(settings)
        file.flush()
        return run(DEPLOY / "mixin/generate", "rules", file.name)


def scenarios(path, **arguments):
    """A file of Tests/Rules as promtool reads it. Debian's jsonnet, which writes the rules, would take twenty times as long."""
    return json.loads(rjsonnet.evaluate_file(str(path), tla_codes=arguments))


def nodes(expression):
    """The expression and all expressions in it."""
    yield expression
    for part in ("expr", "lhs", "rhs", "vector_selector", "param"):
        inner = getattr(expression, part, None)
        if inner is not None and not isinstance(inner, (str, int, float)):
            yield from nodes(inner)
    args = getattr(expression, "args", None)
    for argument in args or ():
        yield from nodes(argument)


def names(text):
    """Series and labels that a PromQL expression names."""
    series, labels = set(), set()
    for node in nodes(promql_parser.parse(text)):
        if isinstance(node, promql_parser.VectorSelector):
            series.add(node.name)
            labels |= {matcher.name for matcher in node.matchers.matchers}
        elif isinstance(node, promql_parser.AggregateExpr) and node.modifier:
            labels |= set(node.modifier.labels)
        elif isinstance(node, promql_parser.BinaryExpr) and node.modifier:
            if node.modifier.matching:
                labels |= set(node.modifier.matching.labels)
    return series, labels


def template_queries(text):
    """PromQL that a template asks, its `%q` filled as it would be."""
    return [found.replace("%q", '"x"') for found in re.findall(r'printf\s+"((?:[^"\\]|\\.)*%q(?:[^"\\]|\\.)*)"', text)]


def exposed():
    """Families and label names of live exporters, with accounts and without, in both status sets."""
    series, labels = set(), set()
    with FakeAPI() as api, tempfile.TemporaryDirectory() as folder:
        accounts = pathlib.Path(folder) / "accounts.yml"
        (pathlib.Path(folder) / "key").write_text(KEY)
        accounts.write_text(f"accounts:\n  - {{name: acme, token_file: key, base_url: '{api.base_url}'}}\n")
        for exporter in (
            Exporter(api.base_url, "--metrics.status-set=current"),
            Exporter(api.base_url, f"--config.file={accounts}", token=None),
        ):
            with exporter:
                # Not judged in full, as others do: pages with accounts are another test's matter.
                def ask():
                    page, _ = exposition.read(exporter.request("/metrics").body, False)
                    return page if "hypersender_instance_up" in page else None

                page = wait_until(ask, 10, "instances are shown", lambda: exporter.log)
                for family in page.families:
                    for sample in family.samples:
                        series.add(sample.name)
                        labels |= set(sample.labels)
    return series, labels


class Tools(unittest.TestCase):
    def test_rules_are_valid_and_clean(self):
        code, said = run(PROMTOOL, "check", "rules", "--lint=all", "--lint-fatal", RULES)
        self.assertEqual(code, 0, said)

    def test_prometheus_takes_its_configuration(self):
        code, said = run(PROMTOOL, "check", "config", PROMETHEUS)
        self.assertEqual(code, 0, said)
        self.assertIn(RULES.name, said)

    def test_every_scrape_keeps_the_labels_of_instances(self):
        """A target label of the same name would take their place, and alerts name the wrong thing."""
        files = [*(TOP / "deploy").rglob("*.y*ml"), TOP / "README.md"]
        jobs = {path: re.findall(r"- job_name: (?:.*\n)(?:(?!.*- job_name: ).+\n)*", path.read_text()) for path in files}
        jobs = [(path, job) for path, found in jobs.items() for job in found]
        self.assertEqual(len(jobs), 5, "two of Prometheus, two of compose, one of README")
        for path, job in jobs:
            with self.subTest(path=path):
                self.assertIn("honor_labels: true\n", job)


class Alerts(unittest.TestCase):
    def test_each_says_what_it_must(self):
        alerts = len({rule["alert"] for rule in ALERTS})
        self.assertEqual(alerts, 21)
        self.assertIn(f" has {alerts} alerts ", (TOP / "README.md").read_text())
        for rule in ALERTS:
            with self.subTest(alert=rule["alert"]):
                self.assertIn(rule["labels"]["severity"], ("critical", "warning", "info"))
                self.assertIn(rule["labels"]["scope"], ("instance", "account", "exporter"))
                notes = rule["annotations"]
                self.assertEqual(set(notes), {"summary", "description", "action", "runbook_url", "dashboard_url"})
                self.assertTrue(all(notes.values()))
                self.assertEqual(notes["runbook_url"], RUNBOOK_URL + rule["alert"].lower())
                for label in {"instance": ["instance_name", "instance_id", "account"], "account": ["account"]}.get(rule["labels"]["scope"], []):
                    self.assertIn(f"$labels.{label}", notes["description"])
                if rule["alert"] in WITHOUT_FOR:
                    self.assertNotIn("for", rule)
                else:
                    number, unit = re.fullmatch(r"(\d+)([sm])", rule["for"]).groups()
                    self.assertGreaterEqual(int(number) * {"s": 1, "m": 60}[unit], 30)

    def test_each_has_a_runbook(self):
        headings = set(re.findall(r"^## (\S+)$", RUNBOOKS.read_text(), re.MULTILINE))
        alerts = {rule["alert"] for rule in ALERTS}
        self.assertEqual(alerts - headings, set(), "without a runbook")
        self.assertEqual({h for h in headings if h.startswith("Hypersender")} - alerts, set(), "runbooks of no alert")

    def test_each_tells_the_first_thing_to_do_as_its_runbook_does(self):
        for rule in ALERTS:
            with self.subTest(alert=rule["alert"]):
                section = RUNBOOKS.read_text().split(f"## {rule['alert']}\n", 1)[1].split("\n## ", 1)[0]
                self.assertEqual(re.findall(r"^\*\*First\*\* (.*)$", section, re.MULTILINE), [rule["annotations"]["action"]])
                self.assertRegex(rule["annotations"]["action"], r"^[A-Z][^.!?{}<>]*(\.\w[^.!?{}<>]*|--config\.check[^.]*)?\.$", "one plain sentence")

    def test_each_leads_to_a_dashboard_with_variables_it_has(self):
        there = {dashboard["uid"]: dashboard for dashboard in dashboards.load().values()}
        for rule in ALERTS:
            with self.subTest(alert=rule["alert"]):
                uid, given = re.fullmatch(r"http://localhost:3000/d/([\w-]+)\?from=now-6h(.*)", rule["annotations"]["dashboard_url"]).groups()
                self.assertEqual(uid == "hypersender-instance", rule["labels"]["scope"] == "instance")
                for name in re.findall(r"&var-(\w+)=", given):
                    self.assertTrue(dashboards.variable(there[uid], name), name)

    def test_readme_lists_each_with_its_severity(self):
        listed = re.findall(r"^\| `(Hypersender\w+)` \| (\w+) \|", (DEPLOY / "prometheus/README.md").read_text(), re.MULTILINE)
        shipped = {(rule["alert"], rule["labels"]["severity"]) for rule in ALERTS}
        self.assertEqual(set(listed), shipped)
        self.assertEqual(len(listed), len(shipped))

    def test_the_front_page_quotes_one(self):
        (rule,) = [rule for rule in ALERTS if rule["alert"] == "HypersenderInstanceNeedsQRScan"]
        front = " ".join(re.sub(r"^> ?", "", (TOP / "README.md").read_text(), flags=re.MULTILINE).split())
        for text in (rule["annotations"]["summary"], rule["annotations"]["description"]):
            for piece in re.split(r"{{.*?}}", text):
                self.assertIn(piece.strip(), front)


class Order(unittest.TestCase):
    """Rules see each other's results of the same moment where Prometheus evaluates them in order, and little of them in vmalert."""

    def test_alerts_and_what_they_read_are_one_group_records_first(self):
        kinds = ["alert" if "alert" in rule else "record" for rule in GROUPS[0]["rules"]]
        self.assertEqual(kinds, sorted(kinds, reverse=True))
        seen = set()
        for rule in GROUPS[0]["rules"]:
            read = names(rule["expr"])[0] & {record["record"] for record in RECORDS}
            self.assertLessEqual(read, seen | {rule.get("record")}, rule)
            seen.add(rule.get("record"))

    def test_no_alert_reads_what_other_groups_record(self):
        others = {rule["record"] for group in GROUPS[1:] for rule in group["rules"]}
        for rule in ALERTS:
            texts = [query for text in rule["annotations"].values() for query in template_queries(text)]
            for expression in [rule["expr"], *texts]:
                self.assertEqual(names(expression)[0] & others, set(), rule["alert"])

    def test_only_the_last_rule_names_alerts(self):
        """No rule of a group with such a selector counts as independent: it keeps the order under concurrent-rule-eval."""
        naming = [rule for rule in RECORDS + ALERTS if "ALERTS" in names(rule["expr"])[0]]
        self.assertEqual(naming, [GROUPS[0]["rules"][-1]])

    def test_no_rule_compares_clocks(self):
        for rule in RECORDS + ALERTS:
            self.assertNotRegex(rule["expr"], r"\btime\(|\btimestamp\(")

    def test_what_remembers_reads_no_other_memory(self):
        recorded = {rule["record"]: names(rule["expr"])[0] for rule in RECORDS}
        remembering = {name for name, read in recorded.items() if name in read}
        read = {name: {other for other in recorded[name] if other in recorded} - {name} for name in remembering}
        self.assertEqual(read, {
            "instance_id:hypersender_instance_status:last_known_code": set(),
            "instance_id:hypersender_instance_status_change_timestamp_seconds:last_known": set(),
            "instance_id:hypersender_instance_scan:linked": set(),
            # Looks back an hour: an evaluation more or less is no matter.
            "account:hypersender_instances_disappeared:count1h": {
                "instance_id:hypersender_instance_status:last_known_code", "instance_id:hypersender_instance_status:code"},
            # Looks back twenty minutes.
            "account:hypersender_blind:cause": {"account_reason:hypersender_poll_failures:increase20m"},
        })


class Settings(unittest.TestCase):
    def test_misspelt_ones_fail(self):
        for settings, name in (
            ("{ _config+:: { flapingChanges: 8 } }", "flapingChanges"),
            ("{ _config+:: { alerts+: { HypersenderInstanceFail: {} } } }", "alerts.HypersenderInstanceFail"),
            ("{ _config+:: { alerts+: { HypersenderInstanceFailed+: { 'For': '3m' } } } }", "alerts.HypersenderInstanceFailed.For"),
        ):
            with self.subTest(settings=settings):
                code, said = generate(settings)
                self.assertNotEqual(code, 0)
                self.assertIn(f"unknown settings: {name}\n", said)

    def test_tuned_ones_change_just_that(self):
        def tuned(alert, **fields):
            return {**next(rule for rule in ALERTS if rule["alert"] == alert), **fields}

        failed = next(rule for rule in ALERTS if rule["alert"] == "HypersenderInstanceFailed")
        for settings, expected in (
            ("{ _config+:: { alerts+: { HypersenderInstanceFailed+: { severity: 'warning' } } } }",
             tuned("HypersenderInstanceFailed", labels={**failed["labels"], "severity": "warning"})),
            ("{ _config+:: { alerts+: { HypersenderInstanceFailed+: { 'for': '5m', keepFiringFor: '2m' } } } }",
             tuned("HypersenderInstanceFailed", **{"for": "5m", "keep_firing_for": "2m"})),
            ("{ _config+:: { exporterRestarts: 9 } }",
             tuned("HypersenderExporterRestarting", expr=tuned("HypersenderExporterRestarting")["expr"].replace(">= 4", ">= 9"))),
            ("{ _config+:: { alerts+: { HypersenderInstanceStopped+: { enabled: false } } } }", None),
        ):
            with self.subTest(settings=settings):
                code, said = generate(settings)
                self.assertEqual(code, 0, said)
                now = yaml.safe_load(said)["groups"]
                shipped = [rule for rule in GROUPS[0]["rules"] if rule not in now[0]["rules"]]
                self.assertEqual(len(shipped), 1)
                self.assertEqual([rule for rule in now[0]["rules"] if rule not in GROUPS[0]["rules"]], [expected] if expected else [])
                self.assertEqual(now[1:], GROUPS[1:])


class Scenarios(unittest.TestCase):
    """The scenarios of Tests/Rules."""

    # Terms of rules, and the scenario that fails without them.
    MUTATIONS = (
        # Statuses that cannot be seen stay as they were.
        ("      - record: instance_id:hypersender_instance_status:last_known_code", "      - record: forgotten", "instances", "an outage ends"),
        ("last_over_time(hypersender_up[1h]) and", "last_over_time(hypersender_up[1m]) and", "instances", "the exporter is down for half an hour"),
        ("last_over_time(hypersender_up[10m])", "last_over_time(hypersender_up[10s])", "exporter", "one of two targets leaves"),
        ("(max_over_time(hypersender_poll_failures_total[20m]) unless", "(hypersender_poll_failures_total unless", "accounts",
         "the exporter restarts after the API refused"),
        ("* 0 + 3", "* 0 + 4", "accounts", "polls time out"),
        # Clocks.
        ("(hypersender_last_poll_timestamp_seconds)\n            -", "(hypersender_last_poll_timestamp_seconds * 0 + time())\n            -", "accounts",
         "the clock of the exporter is an hour fast, and the key"),
        ("            < 1.5 *", "            < 0.5 *", "accounts", "one failed poll, and"),
        ("            < 1.5 *", "            < 3.5 *", "accounts", "two polls in a row are refused"),
        # Targets that are gone.
        ("unless on (cluster, namespace, job)\n", "unless ignoring (account)\n", "accounts", "a pod that replaces another gives"),
        ("job:up:count >= max_over_time", "job:up:count < max_over_time", "exporter", "a rollout with a surge"),
        ("min_over_time(job:up:count[15m])", "job:up:count", "exporter", "a rollout with a surge"),
        ("last_over_time(hypersender_exporter_shard[6h])", "last_over_time(hypersender_exporter_shard[1m])", "exporter", "a shard that is down"),
        # One incident, one alert.
        ('status=~"SCAN_QR_CODE|FAILED"', 'status=~"SCAN_QR_CODE"', "instances", "the codes run out and nobody"),
        ("SCAN_QR_CODE|FAILED|STARTING", "SCAN_QR_CODE|FAILED", "instances", "the codes run out, and somebody"),
        ("count by (cluster, namespace, job, account)", "count by (team, cluster, namespace, job, account)", "exporter", "three replicas of one account"),
        ("max by (cluster, namespace, job,", "max by (customer, cluster, namespace, job,", "accounts", "accounts of other labels"),
        ("(hypersender_polls_total) == 0", "(hypersender_polls_total) == 2", "exporter", "the only exporter is down"),
        ("max_over_time(hypersender_instance_up[10m]) == 1", "max_over_time(hypersender_instance_up[10m]) == 2", "instances", "never had a token, but worked"),
        ("(hypersender_instance_access_token_present == 0)", "(hypersender_instance_access_token_present == 2)", "instances", "never linked, and its"),
        ("last_over_time(instance_id:hypersender_instance_scan:linked[30m])", "absent(up)", "instances", "the codes run out, and somebody"),
        # Availability.
        ("avg_over_time((instance_id", "max_over_time((instance_id", "availability", "one is FAILED"),
    )

    @classmethod
    def setUpClass(cls):
        major = re.search(r"version (\d+)", run(PROMTOOL, "--version")[1])[1]
        cls.folder = tempfile.TemporaryDirectory()
        cls.addClassCleanup(cls.folder.cleanup)
        cls.tests = {path.stem: scenarios(path, prometheus=major) for path in SCENARIOS}

    def promtool(self, file, tests, rules=None):
        """The result of promtool for some tests of a file."""
        path = pathlib.Path(tempfile.mkdtemp(dir=self.folder.name))
        target = RULES
        if rules:
            target = path / "rules.yml"
            target.write_text(rules)
        (path / "test.json").write_text(json.dumps({**self.tests[file], "rule_files": [str(target)], "tests": tests}))
        # All of them take a minute of all processors, which the tests beside need at once. One runs on each processor.
        return run("nice", "env", "GOMAXPROCS=1", PROMTOOL, "test", "rules", path / "test.json")

    def test_all(self):
        # Each evaluation of the rules takes some milliseconds, and there are many: on all processors, the longest first.
        parts = [(file, [test]) for file, content in self.tests.items() for test in content["tests"]]
        parts.sort(key=lambda part: -len(part[1][0]["input_series"][0]["values"]))
        with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
            for (file, tests), (code, said) in zip(parts, pool.map(lambda part: self.promtool(*part), parts)):
                with self.subTest(file=file, scenario=tests[0]["name"]):
                    self.assertEqual(code, 0, said[:5000])

    def test_each_notices_a_rule_without_a_term(self):
        rules = RULES.read_text()

        def fails(mutation):
            term, other, file, start = mutation
            tests = [test for test in self.tests[file]["tests"] if test["name"].startswith(start)]
            return self.promtool(file, tests[:1], rules.replace(term, other)) if tests else (0, "no scenario")

        with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
            for mutation, (code, said) in zip(self.MUTATIONS, pool.map(fails, self.MUTATIONS)):
                with self.subTest(mutation=mutation):
                    self.assertIn(mutation[0], rules)
                    self.assertEqual(code, 1)
                    self.assertIn("FAILED", said)
                    self.assertIn("got:", said, "the rules themselves cannot be read")

    def test_each_alert_is_seen_firing_with_its_texts(self):
        fired = set()
        for content in self.tests.values():
            for test in content["tests"]:
                for case in test.get("alert_rule_test", ()):
                    for alert in case["exp_alerts"]:
                        fired.add((case["alertname"], alert["exp_labels"].get("extent"), "account" in alert["exp_labels"]))
        for rule in ALERTS:
            for account in (False, True) if rule["labels"]["scope"] != "exporter" else (False,):
                with self.subTest(alert=rule["alert"], account=account):
                    self.assertIn((rule["alert"], rule["labels"].get("extent"), account), fired)


class Names(unittest.TestCase):
    """Rules, their templates and the rule tests name nothing that is not there."""

    @classmethod
    def setUpClass(cls):
        cls.series, cls.labels = exposed()
        cls.recorded = {rule["record"] for rule in RECORDS}

    def judge(self, text):
        series, labels = names(text)
        self.assertEqual(series - self.series - self.recorded - SERIES_OF_PROMETHEUS, set(), f"series that are not there: {text}")
        self.assertEqual(labels - self.labels - FROM_PROMETHEUS - OF_TARGETS - OF_RULES, set(), f"labels that are not there: {text}")

    def test_of_expressions(self):
        for rule in RECORDS + ALERTS:
            with self.subTest(rule=rule.get("record") or rule["alert"], labels=rule.get("labels")):
                self.judge(rule["expr"])

    def test_of_templates(self):
        queries = 0
        for rule in ALERTS:
            for text in rule["annotations"].values():
                with self.subTest(alert=rule["alert"], text=text):
                    used = set(re.findall(r"\.?[lL]abels\.(\w+)", text))
                    self.assertEqual(used - self.labels - FROM_PROMETHEUS, set())
                    self.assertEqual(len(template_queries(text)), len(re.findall(r"\|\s*query\b", text)))
                    for query in template_queries(text):
                        queries += 1
                        self.judge(query)
        self.assertGreater(queries, 0)

    def test_of_the_series_in_rule_tests(self):
        for path in SCENARIOS:
            for test in scenarios(path)["tests"]:
                for series in test["input_series"]:
                    name, labels = names(series["series"])
                    self.assertLessEqual(name, self.series | {"up"}, path)
                    # The last two stand for the user's own labels.
                    self.assertLessEqual(labels, self.labels | FROM_PROMETHEUS | OF_TARGETS | {"team", "customer"}, path)

    def test_accounts_can_have_no_label_that_rules_or_dashboards_name(self):
        """Rules would drop or replace it, or take it for another."""
        named = self.labels | FROM_PROMETHEUS | OF_TARGETS | OF_RULES
        texts = [rule["expr"] for rule in RECORDS + ALERTS] + [
            text for dashboard in dashboards.load().values() for _, text in dashboards.expressions(dashboard)]
        for text in texts:
            for node in nodes(dashboards.parse(text)):
                if isinstance(node, promql_parser.Call) and node.func.name in ("label_replace", "label_join"):
                    named.add(node.args[1].val)
        for rule in ALERTS:
            named |= set(rule["labels"])
        self.assertLessEqual({"shown", "extent", "reason"}, named)
        result = run_exporter("--config.check", *(f"--metrics.label={name}=x" for name in sorted(named)))
        for name in named:
            with self.subTest(name):
                self.assertIn(f'"{name}=x" must have another name', result.stderr)

    def test_every_recording_rule_is_of_use(self):
        used = set()
        for rule in RECORDS + ALERTS:
            used |= names(rule["expr"])[0] - {rule.get("record")}
        dashboards = "".join(path.read_text() for path in (TOP / "grafana/dashboards").glob("*.json"))
        # For dashboards of users.
        self.assertEqual({record for record in self.recorded - used if record not in dashboards}, {
            "account:hypersender_up:max", "account:hypersender_instances:sum", "account:hypersender_instances_working:ratio"})

    def test_target_labels_are_always_dropped_together(self):
        for rule in RECORDS + ALERTS:
            for node in nodes(promql_parser.parse(rule["expr"])):
                for modifier in (getattr(node, "modifier", None), getattr(getattr(node, "modifier", None), "matching", None)):
                    labels = set(getattr(modifier, "labels", None) or ())
                    if labels & (OF_TARGETS | {"instance"}):
                        self.assertLessEqual(OF_TARGETS | {"instance"}, labels, rule["expr"])


if __name__ == "__main__":
    unittest.main()
