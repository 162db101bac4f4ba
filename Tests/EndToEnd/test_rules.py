"""The shipped rules and the configuration of Prometheus: valid, tested, and about what the exporter really exposes."""

import concurrent.futures
import pathlib
import re
import subprocess
import tempfile
import unittest

import promql_parser
import yaml

import exposition
from exporter import KEY, TOP, Exporter, wait_until
from fake_api import FakeAPI

DEPLOY = TOP / "deploy"
RULES = DEPLOY / "prometheus/rules"
TESTS = sorted((DEPLOY / "prometheus/tests").glob("*.test.yml"))
PROMETHEUS = DEPLOY / "prometheus/prometheus.yml"
RUNBOOKS = DEPLOY / "RUNBOOKS.md"
RUNBOOK_URL = "https://github.com/hypersender-exporter/hypersender-exporter/blob/main/deploy/RUNBOOKS.md#"

# What these alerts need no `for` for: their expression looks back half an hour or more.
WITHOUT_FOR = {"HypersenderInstanceFlapping", "HypersenderExporterRestarting"}
# Labels that Prometheus gives, or that exist only where the user's scrape adds them; rules may name those to drop or keep them.
FROM_PROMETHEUS = {"job", "instance", "alertname", "alertstate", "severity", "scope"}
OF_TARGETS = {
    "pod", "container", "endpoint", "node", "host", "hostname", "pod_template_hash", "controller_revision_hash",
}
SERIES_OF_PROMETHEUS = {"up", "ALERTS"}


def run(*command):
    """A tool's exit code and all it printed."""
    done = subprocess.run(list(map(str, command)), capture_output=True, text=True, timeout=180, check=False)
    return done.returncode, done.stdout + done.stderr


def rules(name):
    groups = yaml.safe_load((RULES / name).read_text())["groups"]
    return [rule for group in groups for rule in group["rules"]]


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
        code, said = run("promtool", "check", "rules", "--lint=all", "--lint-fatal", *sorted(RULES.glob("*.yml")))
        self.assertEqual(code, 0, said)

    def test_rules_do_what_their_tests_say(self):
        self.assertTrue(TESTS)
        # Side by side: they take most of this file's time.
        with concurrent.futures.ThreadPoolExecutor() as pool:
            for path, (code, said) in zip(TESTS, pool.map(lambda path: run("promtool", "test", "rules", path), TESTS)):
                with self.subTest(file=path.name):
                    self.assertEqual(code, 0, said[:5000])

    def test_prometheus_takes_its_configuration(self):
        code, said = run("promtool", "check", "config", PROMETHEUS)
        self.assertEqual(code, 0, said)
        for rule_file in RULES.glob("*.yml"):
            self.assertIn(rule_file.name, said)

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
        self.assertEqual(len({rule["alert"] for rule in rules("hypersender.alerts.yml")}), 19)
        for rule in rules("hypersender.alerts.yml"):
            with self.subTest(alert=rule["alert"]):
                self.assertIn(rule["labels"]["severity"], ("critical", "warning", "info"))
                self.assertIn(rule["labels"]["scope"], ("instance", "account", "exporter"))
                notes = rule["annotations"]
                self.assertEqual(set(notes), {"summary", "description", "runbook_url"})
                self.assertTrue(all(notes.values()))
                self.assertEqual(notes["runbook_url"], RUNBOOK_URL + rule["alert"].lower())
                for label in {"instance": ["instance_name", "account"], "account": ["account"]}.get(rule["labels"]["scope"], []):
                    self.assertIn(f"$labels.{label}", notes["description"])
                if rule["alert"] in WITHOUT_FOR:
                    self.assertNotIn("for", rule)
                else:
                    self.assertGreaterEqual(int(re.fullmatch(r"(\d+)m", rule["for"])[1]), 2)

    def test_each_has_a_runbook(self):
        headings = set(re.findall(r"^## (\S+)$", RUNBOOKS.read_text(), re.MULTILINE))
        alerts = {rule["alert"] for rule in rules("hypersender.alerts.yml")}
        self.assertEqual(alerts - headings, set(), "without a runbook")
        self.assertEqual({h for h in headings if h.startswith("Hypersender")} - alerts, set(), "runbooks of no alert")

    def test_readme_lists_each_with_its_severity(self):
        listed = re.findall(r"^\| `(Hypersender\w+)` \| (\w+) \|", (TOP / "README.md").read_text(), re.MULTILINE)
        shipped = {(rule["alert"], rule["labels"]["severity"]) for rule in rules("hypersender.alerts.yml")}
        self.assertEqual(set(listed), shipped)
        self.assertEqual(len(listed), len(shipped))

    def test_each_is_seen_firing_by_a_rule_test(self):
        fired = set()
        for path in TESTS:
            for test in yaml.safe_load(path.read_text())["tests"]:
                for case in test.get("alert_rule_test", ()):
                    for alert in case["exp_alerts"]:
                        fired.add((case["alertname"], alert["exp_labels"].get("extent"), "account" in alert["exp_labels"]))
        for rule in rules("hypersender.alerts.yml"):
            for account in (False, True) if rule["labels"]["scope"] != "exporter" else (False,):
                with self.subTest(alert=rule["alert"], account=account):
                    self.assertIn((rule["alert"], rule["labels"].get("extent"), account), fired)


class Names(unittest.TestCase):
    """Rules, their templates and the rule tests name nothing that is not there."""

    @classmethod
    def setUpClass(cls):
        cls.series, cls.labels = exposed()
        cls.recorded = {rule["record"] for rule in rules("hypersender.rules.yml")}

    def judge(self, text):
        series, labels = names(text)
        self.assertEqual(series - self.series - self.recorded - SERIES_OF_PROMETHEUS, set(), f"series that are not there: {text}")
        self.assertEqual(labels - self.labels - FROM_PROMETHEUS - OF_TARGETS, set(), f"labels that are not there: {text}")

    def test_of_expressions(self):
        for rule in rules("hypersender.rules.yml") + rules("hypersender.alerts.yml"):
            with self.subTest(rule=rule.get("record") or rule["alert"], labels=rule.get("labels")):
                self.judge(rule["expr"])

    def test_of_templates(self):
        queries = 0
        for rule in rules("hypersender.alerts.yml"):
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
        for path in TESTS:
            for test in yaml.safe_load(path.read_text())["tests"]:
                for series in test["input_series"]:
                    name, labels = names(series["series"])
                    self.assertLessEqual(name, self.series | {"up"}, path)
                    # `team` stands for the user's own labels.
                    self.assertLessEqual(labels, self.labels | FROM_PROMETHEUS | OF_TARGETS | {"team"}, path)

    def test_every_recording_rule_is_of_use(self):
        used = set()
        for rule in rules("hypersender.rules.yml") + rules("hypersender.alerts.yml"):
            used |= names(rule["expr"])[0] - {rule.get("record")}
        # Made for dashboards.
        self.assertEqual(self.recorded - used, {"account:hypersender_instances_working:ratio"})

    def test_target_labels_are_always_dropped_together(self):
        for rule in rules("hypersender.rules.yml") + rules("hypersender.alerts.yml"):
            for node in nodes(promql_parser.parse(rule["expr"])):
                for modifier in (getattr(node, "modifier", None), getattr(getattr(node, "modifier", None), "matching", None)):
                    labels = set(getattr(modifier, "labels", None) or ())
                    if labels & (OF_TARGETS | {"instance"}):
                        self.assertLessEqual(OF_TARGETS | {"instance"}, labels, rule["expr"])


if __name__ == "__main__":
    unittest.main()
