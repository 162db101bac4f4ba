"""The shipped configuration of Alertmanager: valid, and each alert reaches whom it should, unless another says it better."""

import json
import pathlib
import re
import subprocess
import tempfile
import unittest
import urllib.request

import yaml

import alertmanager
from exporter import TOP, wait_until
from engines import ALERTMANAGER, AMTOOL, Alertmanager, get_json
from timing import NEVER

RULES = TOP / "deploy/prometheus/hypersender.rules.yml"

# Labels that do not tell one subject from another.
OF_RULES = {"alertname", "severity", "scope", "extent", "status"}
WHERE = {"cluster": "eu-1", "namespace": "monitoring", "job": "hypersender"}
SUBJECT = {
    "exporter": {"instance": "10.0.0.1:10058"},
    "account": {"account": "acme"},
    "instance": {"account": "acme", "instance_id": "1", "instance_name": "Shop"},
}
# Beside those of the rule.
LABELS = {
    "HypersenderExporterAbsent": {"cluster": "eu-1"},
    "HypersenderShardMissing": WHERE,
    "HypersenderConfigsDiffer": WHERE,
    "HypersenderInstanceStuck": WHERE | SUBJECT["instance"] | {"status": "STARTING"},
}

# Those that tell what was known last.
LAST_KNOWN = {
    "TooFewWorking", "InstancesDisappeared", "UnknownStatus", "PollsUnreliable", "InstanceNeedsQRScan", "InstanceNotLinked",
    "InstanceFailed", "InstanceStopped", "InstanceStuck", "InstanceFlapping", "InstanceNotWorking",
}
UNSEEN = {"AccountUnwatched", "Unauthorized", "RateLimited", "PollsFailing"}
SILENCED = {
    "ExporterDown all": UNSEEN | LAST_KNOWN | {"ExporterRestarting"},
    "ExporterDown some": {"ExporterRestarting"},
    "ExporterAbsent": UNSEEN | LAST_KNOWN,
    "ShardMissing": {"AccountUnwatched"},
    **{alert: LAST_KNOWN for alert in UNSEEN},
    "TooFewWorking": {"InstanceStopped", "InstanceStuck", "InstanceFlapping", "InstanceNotWorking"},
    **{alert: {"InstanceFlapping", "InstanceNotWorking"}
       for alert in ("InstanceNeedsQRScan", "InstanceNotLinked", "InstanceFailed", "InstanceStuck")},
    "InstanceStopped": {"InstanceFlapping"},
    "InstanceFlapping": {"InstanceNotWorking"},
}


def amtool(*arguments):
    done = subprocess.run([AMTOOL, *map(str, arguments)], capture_output=True, text=True, timeout=NEVER, check=False)
    return done.returncode, done.stdout + done.stderr


def alerts():
    """All labels of each shipped alert about one subject, by a short name."""
    rules = [rule for group in yaml.safe_load(RULES.read_text())["groups"] for rule in group["rules"] if "alert" in rule]
    return {
        " ".join(filter(None, (rule["alert"].removeprefix("Hypersender"), rule["labels"].get("extent")))):
            LABELS.get(rule["alert"], WHERE | SUBJECT[rule["labels"]["scope"]]) | {"alertname": rule["alert"]} | rule["labels"]
        for rule in rules}


class Tools(unittest.TestCase):
    def test_alertmanager_takes_its_configuration(self):
        code, said = amtool("check-config", alertmanager.PATH)
        self.assertEqual(code, 0, said)


class Routes(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.configuration = alertmanager.Configuration()

    def test_alerts_reach_whom_they_should(self):
        receivers = {"critical": "on-call", "warning": "team", "info": "quiet"}
        table = [(labels, receivers[labels["severity"]]) for labels in alerts().values()] + [
            ({"alertname": "HypersenderOfTomorrow"}, "team"),
            ({"alertname": "HypersenderOfTomorrow", "severity": "page"}, "team"),
            ({"alertname": "DiskFull", "severity": "critical"}, "team"),
        ]
        for labels, receiver in table:
            with self.subTest(labels=labels):
                code, said = amtool(
                    "config", "routes", "test", f"--config.file={alertmanager.PATH}", f"--verify.receivers={receiver}",
                    *(f"{name}={value}" for name, value in labels.items()))
                self.assertEqual(code, 0, said)
                self.assertEqual(self.configuration.route(labels)["receiver"], receiver, "as this test reads it")

    def test_a_customer_can_be_told(self):
        """By the route that stands ready in a comment."""
        text, count = re.subn(r'# (- matchers: \[customer="acme"\]\n +)# (  receiver: acme\n)', r"\1\2", alertmanager.PATH.read_text())
        self.assertEqual(count, 1)
        with tempfile.NamedTemporaryFile("w", suffix=".yml") as file:
            file.write(text + "\n  - name: acme\n")
            file.flush()
            for customer, receiver in (("acme", "acme"), ("globex", "on-call")):
                code, said = amtool("config", "routes", "test", f"--config.file={file.name}", f"--verify.receivers={receiver}",
                                    "alertname=HypersenderInstanceFailed", "severity=critical", f"customer={customer}")
                self.assertEqual(code, 0, said)

    def test_each_group_is_one_incident(self):
        """An incident that has called somebody does not call again for an alert of the same group."""
        def group(name, **more):
            labels = alerts()[name] | more
            return {label: labels.get(label, "") for label in self.configuration.route(labels)["group_by"]}

        for one, other, together in (
            (("InstanceFailed",), ("InstanceNeedsQRScan", {"instance_id": "2"}), True),
            (("ExporterDown all",), ("ShardMissing",), True),
            (("InstanceFailed",), ("PollsFailing",), False),
            (("PollsFailing",), ("ExporterDown all",), False),
            # One account, without a name.
            (("InstanceFailed", {"account": ""}), ("PollsFailing", {"account": ""}), False),
            (("PollsFailing", {"account": ""}), ("ExporterDown all",), False),
            (("InstanceFailed",), ("InstanceFailed", {"account": "globex"}), False),
            (("InstanceFailed",), ("InstanceFailed", {"job": "hypersender-2"}), False),
            (("InstanceFailed",), ("InstanceFailed", {"cluster": "us-1"}), False),
        ):
            with self.subTest(one=one, other=other):
                one, other = (group(name, **(more[0] if more else {})) for name, *more in (one, other))
                (self.assertEqual if together else self.assertNotEqual)(one, other)


class Inhibition(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.configuration = alertmanager.Configuration()
        cls.alerts = alerts()

    def silenced(self, source, change=lambda labels: labels):
        return {
            name for name, target in self.alerts.items()
            if target is not source and self.configuration.silences(change(source), change(target))}

    def test_of_what_the_graver_explains_and_of_nothing_else(self):
        self.assertLessEqual(set(SILENCED), set(self.alerts))
        without = lambda *names: lambda labels: {name: value for name, value in labels.items() if name not in names}
        for change in (without(), without("account"), without("cluster", "namespace"), without("instance_name")):
            for name, labels in self.alerts.items():
                with self.subTest(source=name, labels=change(labels)):
                    self.assertEqual(self.silenced(labels, change), SILENCED.get(name, set()))

    def test_of_nothing_about_another_subject(self):
        pairs = 0
        for source_name, source in self.alerts.items():
            for target_name in SILENCED.get(source_name, ()):
                target = self.alerts[target_name]
                # Instances are told apart by their id.
                for label in (set(source) & set(target)) - OF_RULES - {"instance_name"}:
                    pairs += 1
                    with self.subTest(source=source_name, target=target_name, label=label):
                        self.assertFalse(self.configuration.silences(source, target | {label: "another"}))
        self.assertGreater(pairs, 100)

    def test_of_no_critical_alert_by_a_lesser_one(self):
        for source, targets in SILENCED.items():
            for target in targets:
                if self.alerts[target]["severity"] == "critical":
                    with self.subTest(source=source, target=target):
                        self.assertEqual(self.alerts[source]["severity"], "critical")

    def test_by_no_alert_that_the_same_rule_silences(self):
        """Alertmanager has an exception for those, which this test's reading of it lacks."""
        for rule in self.configuration.inhibitions:
            for name, labels in self.alerts.items():
                with self.subTest(alert=name, rule=rule):
                    self.assertFalse(
                        alertmanager.match(rule["source_matchers"], labels) and alertmanager.match(rule["target_matchers"], labels))

    @unittest.skipUnless(ALERTMANAGER, "needs Alertmanager")
    def test_alertmanager_does_the_same(self):
        """Each pair of alerts, in a cluster of its own."""
        file = yaml.safe_load(alertmanager.PATH.read_text())
        # Nobody is to be told.
        file["receivers"] = [{"name": receiver["name"]} for receiver in file["receivers"]]
        file["global"] = {}
        pairs = [(source, target) for source in self.alerts for target in self.alerts if source != target]
        # One more at the end, known to be silenced: sources are taken in as they come, and when this one was, so were all others.
        pairs.append(last := ("ExporterAbsent", "PollsFailing"))
        posted = [
            {"labels": self.alerts[name] | {"cluster": str(number), "side": side}}
            for number, pair in enumerate(pairs) for side, name in zip(("source", "target"), pair)]
        with tempfile.TemporaryDirectory() as folder:
            (pathlib.Path(folder) / "alertmanager.yml").write_text(yaml.safe_dump(file))
            with Alertmanager(folder) as process:
                url = f"http://{process.address}/api/v2/alerts"
                request = urllib.request.Request(url, json.dumps(posted).encode(), {"Content-Type": "application/json"})
                urllib.request.urlopen(request, timeout=NEVER).close()

                def silenced():
                    found = {
                        int(alert["labels"]["cluster"]) for alert in get_json(url)
                        if alert["labels"]["side"] == "target" and alert["status"]["inhibitedBy"]}
                    return len(pairs) - 1 in found and {pairs[number] for number in found}

                found = wait_until(silenced, 60, f"{last} is silenced", lambda: process.log[-2000:])
        self.assertEqual(found, {(source, target) for source, targets in SILENCED.items() for target in targets})

    def test_matchers_name_only_alerts_that_exist(self):
        for rule in self.configuration.inhibitions:
            for text in rule["source_matchers"] + rule["target_matchers"]:
                matcher = alertmanager.Matcher(text)
                for value in self.alternatives(matcher.value) if matcher.operator == "=~" else [matcher.value]:
                    with self.subTest(matcher=text, value=value):
                        self.assertTrue(any(re.fullmatch(value, labels.get(matcher.name, "")) for labels in self.alerts.values()))

    @staticmethod
    def alternatives(pattern):
        """`a(b|c)` and `b|c` taken apart."""
        found = re.fullmatch(r"([^()|]*)\(([^()]*)\)", pattern)
        return [found[1] + end for end in found[2].split("|")] if found else pattern.split("|")


if __name__ == "__main__":
    unittest.main()
