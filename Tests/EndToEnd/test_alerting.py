"""From a change of the API to the page: simulator, exporter, Prometheus and Alertmanager with the shipped files, and a webhook.

Durations of the shipped files are divided by FACTOR (see monitoring_stack.py); the exporter polls, and Prometheus scrapes and
evaluates, every second.
Each test prints how long it took from the change to the page in that time, together with the alert's `for`, which is most of it.
"""

import pathlib
import re
import sys
import tempfile
import time
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).parent))

import yaml

import parallel
from exporter import wait_until
from monitoring_stack import AVAILABLE, JOB, RULES, Scale, Simulator, Stack

# 2m become 6s: a status seen in one poll only, a blip, is far from that even where everything is slow.
FACTOR = 20
# The longest `for` among the alerts waited for here, group_wait and group_interval, and what the machine takes.
PATIENCE = 75

INSTANCE_ALERTS = ("NeedsQRScan", "Failed", "Stopped", "StuckStarting", "StuckPending", "Flapping", "NotWorking")
RUNBOOKS = "https://github.com/hypersender-exporter/hypersender-exporter/blob/main/deploy/RUNBOOKS.md#"


class SomeAtOnce(parallel.ParallelSuite):
    """Each test is mostly waiting, but has a Prometheus of its own."""

    workers = 8


def load_tests(loader, tests, pattern):
    return SomeAtOnce([tests])


def shipped_alerts():
    """The shipped alerting rules by name; of two with one name, the last."""
    rules = [rule for file in RULES.glob("*.yml") for group in yaml.safe_load(file.read_text())["groups"] for rule in group["rules"]]
    return {rule["alert"]: rule for rule in rules if "alert" in rule}


class Order(unittest.TestCase):
    def test_what_silences_ends_first(self):
        """Alerts end at one evaluation, those first that silence others.

        Alertmanager forgets an alert that ends while another silences it: if it told its group just then, "resolved" would be lost.
        """
        groups = [group["rules"] for file in RULES.glob("*.yml") for group in yaml.safe_load(file.read_text())["groups"]]
        (alerts,) = [rules for rules in groups if any("alert" in rule for rule in rules)]
        scopes = [rule["labels"]["scope"] for rule in alerts]
        self.assertEqual(scopes, sorted(scopes, key=("exporter", "account", "instance").index))


class ScaleTests(unittest.TestCase):
    def test_durations(self):
        for text, scaled in (("2m", "6000ms"), ("1h30m", "270000ms"), ("30s", "1500ms"), ("1s", "1000ms"), ("0s", "0s")):
            with self.subTest(text):
                self.assertEqual(Scale(20).duration(text), scaled)

    def test_durations_in_promql(self):
        for text, scaled in (
            ("rate(a[5m]) > 5", "rate(a[15000ms]) > 5"),
            ("a offset 20m or a offset -1m", "a offset 60000ms or a offset -3000ms"),
            ("max_over_time(a[1h:1m])", "max_over_time(a[180000ms:3000ms])"),
            ("max_over_time(a[1h:])", "max_over_time(a[180000ms:])"),
            ('a{b=~"c[0-9]"}', 'a{b=~"c[0-9]"}'),
        ):
            with self.subTest(text):
                self.assertEqual(Scale(20).promql(text), scaled)

    def test_what_is_no_duration_is_refused(self):
        with self.assertRaises(ValueError):
            Scale(20).duration("soon")


@unittest.skipUnless(AVAILABLE, "needs Prometheus and Alertmanager")
class Alerting(unittest.TestCase):
    """One stack a test. Tests say which alerts may fire, and no other may, at any time, not even silenced."""

    # The name of the account, where it comes from a file.
    account = None

    def setUp(self):
        self.folder = pathlib.Path(self.enterContext(tempfile.TemporaryDirectory()))

    def start(self, instances=6, factor=FACTOR):
        """A stack that watches one simulated account."""
        self.api = self.enterContext(Simulator(instances))
        self.run_stack({self.account: self.api} if self.account else self.api, factor)

    def run_stack(self, apis, factor=FACTOR):
        """A stack that watches one API, or several by the names of their accounts."""
        self.stack = self.enterContext(Stack(self.folder, factor))
        if isinstance(apis, Simulator):
            self.stack.start(apis.base_url, token=apis.token)
        else:
            self.file = self.folder / "accounts.yml"
            self.write_accounts(apis)
            self.stack.start(None, f"--config.file={self.file}", token=None)
        wait_until(
            lambda: self.stack.query("account:hypersender_up:max == 1"), 30, "rules have been evaluated", self.stack.state)

    def write_accounts(self, apis):
        entries = []
        for name, api in apis.items():
            (self.folder / f"{name}.token").write_text(api.token)
            entries.append({
                "name": name, "token_file": f"{name}.token", "base_url": api.base_url, "poll_interval": "1s", "poll_timeout": "2s",
                "poll_stale_after": "3s"})
        self.file.write_text(yaml.safe_dump({"accounts": entries}))

    # Labels

    def account_labels(self, name, account=None):
        """All labels that an alert of account scope has."""
        rule = shipped_alerts()[name]["labels"]
        account = account or self.account
        return {"alertname": name, "job": JOB, "severity": rule["severity"], "scope": "account"} | ({"account": account} if account else {})

    def instance_labels(self, name, instance, account=None):
        """All labels that an alert of instance scope has."""
        labels = {"scope": "instance", "instance_id": instance["id"], "instance_name": instance["name"]}
        return self.account_labels(name, account) | labels

    def exporter_labels(self, name, **more):
        rule = shipped_alerts()[name]["labels"]
        return {"alertname": name, "job": JOB, "severity": rule["severity"], "scope": "exporter", "instance": self.stack.target} | more

    # Waiting

    def page(self, labels, since, contains=(), patience=PATIENCE):
        """Waits for the page with just these labels, judges it, and prints how long it took."""
        told = lambda: [n for n in self.stack.notifications if n.status == "firing" and n.labels == labels]
        wait_until(told, patience, f"a page about {labels}", self.stack.state)
        notification = told()[0]
        self.judge(notification, contains)
        rule = shipped_alerts()[labels["alertname"]]
        wait = int(Scale(self.stack.factor).duration(rule["for"]).removesuffix("ms")) / 1000
        print(
            f"{notification.at - since:5.1f} s from the change to the page, {wait:g} s of them (shipped: {rule['for']}) the alert's `for`: "
            f"{labels['alertname']} to {notification.receiver} [{self.id().split('.', 1)[1]}]", file=sys.stderr, flush=True)
        return notification

    def judge(self, notification, contains):
        """Annotations say where, and are complete."""
        labels, annotations = notification.labels, notification.annotations
        self.assertEqual(set(annotations), {"summary", "description", "runbook_url"})
        name = labels["alertname"]
        self.assertEqual(annotations["runbook_url"], RUNBOOKS + name.lower())
        for key in ("account", "instance_name", "instance"):
            if key in labels:
                self.assertIn(labels[key], annotations["description"])
                self.assertIn(labels[key], annotations["summary"])
        for text in contains:
            self.assertIn(text, annotations["description"])
        for text in (annotations["summary"], annotations["description"]):
            # An account that does not exist is not mentioned, not even as nothing.
            self.assertNotRegex(text, r"\{\{|\}\}|<error|<no value>|%!|  | ,| \.|NaN|\n")
            if "account" not in labels:
                self.assertNotRegex(text, r"\baccount (?:is|needs|was|has)\b|of account\b|for account\b|from account\b")
        self.assertEqual(notification.receiver, {"critical": "on-call", "warning": "team", "info": "quiet"}[labels["severity"]])

    def resolved(self, labels, since, patience=PATIENCE):
        """Waits for the word that this alert is over."""
        told = lambda: [n for n in self.stack.notifications if n.status == "resolved" and n.labels == labels and n.at > since]
        wait_until(told, patience, f"{labels} resolved", self.stack.state)
        return told()[0]

    def seen(self, expression, what, seconds=30):
        """Waits until Prometheus has samples for an expression."""
        return wait_until(lambda: self.stack.query(expression), seconds, what, self.stack.state)

    # Judgements at the end

    def check_nothing_else(self, *expected, silenced=()):
        """All that has ever fired are these alerts, and the webhook was told of the same but for the silenced."""
        as_set = lambda alerts: {frozenset(labels.items()) for labels in alerts}
        self.stack.evaluated(2)
        self.assertEqual(self.stack.unhealthy_rules(), [], self.stack.state())
        self.assertEqual(self.stack.ever("firing"), as_set(expected) | as_set(silenced), self.stack.state())
        self.assertEqual(as_set(n.labels for n in self.stack.notifications), as_set(expected), self.stack.state())
        # Told once each, and ended once each: nothing went and came.
        for labels in expected:
            starts = {n.starts for n in self.stack.notifications if n.labels == labels}
            self.assertEqual(len(starts), 1, self.stack.state())
        for text in self.stack.receivers.texts:
            self.assertNotRegex(text, r"\{\{|<error|<no value>|%!")
        # Chats and mails are sent alike.
        self.assertEqual(self.failed_notifications(), [], self.stack.alertmanager.log)

    def failed_notifications(self):
        """Lines of Alertmanager's log about notifications that could not be sent."""
        return [line for line in self.stack.alertmanager.log.splitlines() if re.search(r"level=(warn|error)", line)]

    def one_page_only(self, labels):
        told = [n for n in self.stack.notifications if n.labels == labels]
        self.assertEqual([n.status for n in told], ["firing"], self.stack.state())


class WithAccount:
    """The same with accounts from a file, which have a label."""

    account = "acme"


class Instances(Alerting):
    def test_states_blips_and_a_restart(self):
        self.start()
        instances = self.api.instances()
        # Blips: each is seen by Prometheus, so that there is something to fire for.
        for place, status in enumerate(("STARTING", "STOPPED", "SCAN_QR_CODE", "FAILED")):
            self.blip(place, status)
        self.assertEqual(self.stack.ever("firing"), set())
        self.assertIn(frozenset(self.instance_labels("HypersenderInstanceNeedsQRScan", instances[2]).items()), self.stack.ever("pending"))

        start = time.monotonic()
        self.api.set(4, "SCAN_QR_CODE")
        scan = self.instance_labels("HypersenderInstanceNeedsQRScan", instances[4])
        self.page(scan, start, ["SCAN_QR_CODE since at least 20"])

        # A plain restart: it neither ends the alert, nor tells anything anew, nor fires by itself.
        began = self.active_since(scan)
        self.stack.restart_exporter()
        self.stack.evaluated(12)
        self.assertEqual(self.active_since(scan), began)
        self.one_page_only(scan)

        start = time.monotonic()
        self.api.set(5, "FAILED")
        failed = self.instance_labels("HypersenderInstanceFailed", instances[5])
        self.page(failed, start, ["FAILED since at least 20"])

        start = time.monotonic()
        self.api.set(4, "WORKING")
        self.api.set(5, "WORKING")
        self.resolved(scan, start)
        self.resolved(failed, start)
        self.check_nothing_else(scan, failed)

    def blip(self, place, status):
        self.api.set(place, status)
        self.seen(f'hypersender_instance_status{{status="{status}"}} == 1', f"a blip of {status}")
        self.stack.evaluated(1)
        self.api.set(place, "WORKING")
        wait_until(
            lambda: not self.stack.query('hypersender_instance_status{status!="WORKING"} == 1'), 15, "the blip is over", self.stack.state)

    def active_since(self, labels):
        (alert,) = [a for a in self.stack.alerts() if a["labels"] == labels]
        self.assertEqual(alert["state"], "firing")
        return alert["activeAt"]


class InstancesOfAnAccount(WithAccount, Instances):
    pass


class Healthy(Alerting):
    def test_nothing_fires(self):
        """A quarter of an hour, in this time, with all that a healthy account shows: blips, a new instance, a restart."""
        self.start(instances=12)
        for place, status in enumerate(("STARTING", "STOPPED", "SCAN_QR_CODE", "STARTING", "PENDING") * 2):
            self.api.set(place, status)
            requests = self.requests()
            wait_until(lambda: self.requests() > requests, 10, "a poll")
            self.api.set(place, "WORKING")
            self.stack.evaluated(4)
        self.api.control("POST", "instances", count=1)
        self.seen("sum without (status) (hypersender_instances) == 13", "the new instance")
        self.api.set(12, "WORKING")
        self.stack.restart_exporter()
        self.stack.evaluated(8)
        self.check_nothing_else()

    def requests(self):
        return int(re.search(rb"\d+", self.api.control("GET", "requests"))[0])


class HealthyAccount(WithAccount, Healthy):
    pass


class Outages(Alerting):
    """The API fails in one way: one alert says so."""

    def fails(self, name, contains=(), kind="status", **parameters):
        self.start()
        start = time.monotonic()
        self.api.fail(kind, **parameters)
        labels = self.account_labels(name)
        self.page(labels, start, contains)
        self.stack.evaluated(3)
        self.one_page_only(labels)
        start = time.monotonic()
        self.api.recover()
        self.resolved(labels, start)
        self.check_nothing_else(labels)

    def test_unauthorized(self):
        self.fails("HypersenderUnauthorized", ["Enterprise"], status=401)

    def test_rate_limited(self):
        self.fails("HypersenderRateLimited", ["429"], status=429, retry_after=2)

    def test_hanging(self):
        self.fails("HypersenderPollsFailing", ["timeout"], kind="hang")

    def test_what_nobody_sees_is_silenced(self):
        """An instance that was seen in a state that would be told in time is not, once the API fails."""
        self.start()
        instance = self.api.instances()[2]
        self.api.set(2, "STARTING")
        self.seen('hypersender_instance_status{status="STARTING"} == 1', "the status")
        start = time.monotonic()
        self.api.fail("status", status=500)
        failing = self.account_labels("HypersenderPollsFailing")
        self.page(failing, start, ["server_error"])
        stuck = self.instance_labels("HypersenderInstanceStuckStarting", instance)
        wait_until(lambda: frozenset(stuck.items()) in self.stack.ever("firing"), PATIENCE, "Prometheus's alert", self.stack.state)
        # Longer than the group_wait of a warning.
        self.stack.evaluated(10)
        start = time.monotonic()
        self.api.set(2, "WORKING")
        self.api.recover()
        self.resolved(failing, start)
        self.check_nothing_else(failing, silenced=[stuck])


class OutagesOfAccounts(Alerting):
    def test_each_account_has_its_own(self):
        """Four accounts of one exporter at once: three fail in three ways, and the fourth is well."""
        apis = {name: self.enterContext(Simulator(4, seed)) for seed, name in enumerate(("acme", "globex", "initech", "umbrella"), 1)}
        self.run_stack(apis)
        self.seen("count(account:hypersender_up:max == 1) == 4", "all accounts are up")
        start = time.monotonic()
        apis["acme"].fail("status", status=401)
        apis["globex"].fail("status", status=429, retry_after=2)
        apis["initech"].fail("hang")
        expected = [
            (self.account_labels("HypersenderUnauthorized", "acme"), "Enterprise"),
            (self.account_labels("HypersenderRateLimited", "globex"), "429"),
            (self.account_labels("HypersenderPollsFailing", "initech"), "timeout"),
        ]
        for labels, text in expected:
            self.page(labels, start, [text])
        start = time.monotonic()
        for api in apis.values():
            api.recover()
        for labels, _ in expected:
            self.resolved(labels, start)
        self.check_nothing_else(*(labels for labels, _ in expected))


class OutageWithAnInstance(Alerting):
    def test_nobody_says_resolved_while_nobody_sees(self):
        self.start()
        instance = self.api.instances()[1]
        start = time.monotonic()
        self.api.set(1, "FAILED")
        failed = self.instance_labels("HypersenderInstanceFailed", instance)
        self.page(failed, start)
        start = time.monotonic()
        self.api.fail("status", status=503)
        failing = self.account_labels("HypersenderPollsFailing")
        self.page(failing, start, ["server_error"])
        # It recovers, and nobody can know.
        self.api.set(1, "WORKING")
        self.stack.evaluated(16)
        self.one_page_only(failed)
        self.assertIn(failed, [a["labels"] for a in self.stack.alerts() if a["state"] == "firing"])
        start = time.monotonic()
        self.api.recover()
        self.resolved(failing, start)
        self.resolved(failed, start)
        # See Order.
        self.assertLessEqual(self.last_fired(failing), self.last_fired(failed), "the instance's alert ends before the account's")
        self.check_nothing_else(failed, failing)

    def last_fired(self, labels):
        """When Prometheus last found that it fires."""
        return self.stack.last_sample(f'ALERTS{{alertstate="firing",alertname="{labels["alertname"]}"}}')


class OutageWithAnInstanceOfAnAccount(WithAccount, OutageWithAnInstance):
    pass


class ExporterKilled(Alerting):
    def test_killed(self):
        self.start()
        instance = self.api.instances()[3]
        start = time.monotonic()
        self.api.set(3, "SCAN_QR_CODE")
        scan = self.instance_labels("HypersenderInstanceNeedsQRScan", instance)
        self.page(scan, start)
        start = time.monotonic()
        self.stack.exporter.kill()
        down = self.exporter_labels("HypersenderExporterDown", extent="all")
        self.page(down, start)
        self.stack.evaluated(10)
        self.one_page_only(scan)
        self.api.set(3, "WORKING")
        start = time.monotonic()
        self.stack.start_exporter()
        self.resolved(down, start)
        self.resolved(scan, start)
        self.check_nothing_else(down, scan)


class ExporterWithAccountKilled(WithAccount, ExporterKilled):
    pass


class Disappearance(Alerting):
    """In a faster time, because such an alert lasts for an hour.

    Not faster still: Prometheus waits for 5 s before it scrapes what it has found, and an absent exporter is told after 5m.
    """

    factor = 30

    def test_removed(self):
        self.start(factor=self.factor)
        instances = self.api.instances()
        start = time.monotonic()
        self.api.remove(5)
        self.api.remove(4)
        gone = self.account_labels("HypersenderInstancesDisappeared")
        self.page(gone, start, ["2 in all"] + [i[key] for i in instances[4:] for key in ("id", "name")])
        described = self.stack.told("firing", "HypersenderInstancesDisappeared")[0].annotations["description"]
        for instance in instances[:4]:
            self.assertNotIn(instance["id"], described)
        self.resolved(gone, start, 3600 / self.factor + PATIENCE)
        self.assertGreater(time.monotonic() - start, 3500 / self.factor)
        self.check_nothing_else(gone)

    def test_all_gone_and_back(self):
        self.start(factor=self.factor)
        instances = self.api.instances()
        start = time.monotonic()
        self.api.fail("empty-list")
        gone = self.account_labels("HypersenderInstancesDisappeared")
        self.page(gone, start, ["6 in all"] + [i["id"] for i in instances])
        start = time.monotonic()
        self.api.recover()
        self.resolved(gone, start, 30)
        self.check_nothing_else(gone)


class DisappearanceFromAnAccount(WithAccount, Disappearance):
    pass


class Reload(WithAccount, Alerting):
    def test_a_bad_configuration(self):
        self.start()
        good = self.file.read_text()
        self.file.write_text(good + "nonsense: true\n")
        start = time.monotonic()
        self.stack.exporter.process.send_signal(1)
        failed = self.exporter_labels("HypersenderConfigReloadFailed")
        self.page(failed, start)
        self.file.write_text(good)
        start = time.monotonic()
        self.stack.exporter.process.send_signal(1)
        self.resolved(failed, start)
        self.check_nothing_else(failed)

    def test_a_removed_account_takes_its_alerts_along(self):
        other = self.enterContext(Simulator(3, seed=2))
        self.api = self.enterContext(Simulator(5))
        self.run_stack({"acme": self.api, "globex": other})
        self.seen("count(account:hypersender_up:max == 1) == 2", "both accounts are up")
        instance = other.instances()[0]
        start = time.monotonic()
        other.set(0, "FAILED")
        failed = self.instance_labels("HypersenderInstanceFailed", instance, "globex")
        self.page(failed, start)
        start = time.monotonic()
        self.write_accounts({"acme": self.api})
        self.stack.exporter.process.send_signal(1)
        self.resolved(failed, start)
        self.check_nothing_else(failed)


if __name__ == "__main__":
    unittest.main()
