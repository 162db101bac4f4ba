"""From a change of the API to the page: simulator, exporter, Prometheus and Alertmanager with the shipped files, and a webhook.

Durations of the shipped files, of the exporter's defaults and of the engine's are divided by FACTOR (see monitoring_stack.py). The
environment names the engine (see engines.py). Each test prints how long it took from the change to the page, in that time and in the shipped one.
"""

import os
import pathlib
import re
import sys
import tempfile
import time
import unittest
import urllib.request

sys.path.insert(0, str(pathlib.Path(__file__).parent))

import yaml

from engines import ALERTMANAGER, AVAILABLE, LISTENING, TROUBLE, Alertmanager
from exporter import wait_until
import fault_table
from monitoring_stack import JOB, RULES, BrokenAPI, Scale, Simulator, Stack, polls
from timing import NEVER

# 2m become 6s. With FACTOR=1 everything is as shipped, and takes as long.
FACTOR = int(os.environ.get("FACTOR", "20"))
# The longest `for` among the alerts waited for here, group_wait and group_interval, and what the machine takes.
PATIENCE = 30 + 900 / FACTOR
# For an alert of a graver kind.
PATIENCE_FOR_INFO = PATIENCE + 900 / FACTOR


def scenario(*faults):
    """Marks the test that brings about these faults of the table."""
    def mark(test):
        test.faults = faults
        return test
    return mark


def shipped_alerts():
    """The shipped alerting rules by name; of two with one name, the last."""
    rules = [rule for file in RULES for group in yaml.safe_load(file.read_text())["groups"] for rule in group["rules"]]
    return {rule["alert"]: rule for rule in rules if "alert" in rule}


class Order(unittest.TestCase):
    def test_what_silences_ends_first(self):
        """Alerts end at one evaluation, those first that silence others.

        Alertmanager forgets an alert that ends while another silences it: if it told its group just then, "resolved" would be lost.
        """
        groups = [group["rules"] for file in RULES for group in yaml.safe_load(file.read_text())["groups"]]
        (rules,) = [rules for rules in groups if any("alert" in rule for rule in rules)]
        scopes = [rule["labels"]["scope"] for rule in rules if "alert" in rule]
        self.assertEqual(scopes, sorted(scopes, key=("exporter", "account", "instance").index))

    def test_every_fault_has_its_test(self):
        tests = [getattr(kind, name) for kind in globals().values() if isinstance(kind, type) for name in dir(kind) if name.startswith("test_")]
        self.assertEqual({fault for test in tests for fault in getattr(test, "faults", ())}, set(fault_table.FAULTS))


class Logs(unittest.TestCase):
    """Lines as several versions write them."""

    def test_where_a_program_listens(self):
        for line in (
            'ts=2026-11-27T07:57:45.584Z caller=tls_config.go:232 level=info component=web msg="Listening on" address=127.0.0.1:38291',
            'ts=2026-11-27T07:54:33.061Z level=info caller=tls_config.go:353 msg="Listening on" address=127.0.0.1:38291',
            'time=2026-11-27T07:54:39.161Z level=INFO source=tls_config.go:379 msg="Listening on" component=web address=127.0.0.1:38291',
        ):
            with self.subTest(line):
                before = 'caller=web.go:503 level=info component=web msg="Start listening for connections" address=127.0.0.1:0\n'
                self.assertEqual(re.search(LISTENING, before + line + "\nmore")[1], "127.0.0.1:38291")

    def test_failed_notifications(self):
        for line, trouble in (
            ('ts=2026-11-27T08:00:00.000Z caller=notify.go:743 level=warn component=dispatcher msg="Notify attempt failed, will retry later"', True),
            ('ts=2026-11-27T08:00:00.000Z caller=dispatch.go:352 level=error component=dispatcher msg="Notify for alerts failed"', True),
            ('time=2026-11-27T08:00:00.000Z level=WARN source=notify.go:872 msg="Notify attempt failed, will retry later"', True),
            ('time=2026-11-27T08:00:00.000Z level=ERROR source=dispatch.go:360 msg="Notify for alerts failed"', True),
            ('time=2026-11-27T08:00:00.000Z level=INFO source=coordinator.go:112 msg="Loading a new configuration file"', False),
            ('ts=2026-11-27T08:00:00.000Z caller=main.go:240 level=info msg="a warning, but of level=information"', False),
        ):
            with self.subTest(line):
                self.assertEqual(bool(TROUBLE.search(line)), trouble)

    @unittest.skipUnless(ALERTMANAGER, "needs Alertmanager")
    def test_failed_notifications_of_this_version(self):
        folder = self.enterContext(tempfile.TemporaryDirectory())
        # Nobody listens there.
        receiver = {"name": "nobody", "webhook_configs": [{"url": "http://127.0.0.1:9/"}]}
        (pathlib.Path(folder) / "alertmanager.yml").write_text(
            yaml.safe_dump({"route": {"receiver": "nobody", "group_wait": "0s"}, "receivers": [receiver]}))
        alertmanager = self.enterContext(Alertmanager(folder))
        self.assertEqual(alertmanager.failed_notifications(), [])
        request = urllib.request.Request(
            f"http://{alertmanager.address}/api/v2/alerts", b'[{"labels": {"alertname": "Test"}}]', {"Content-Type": "application/json"})
        urllib.request.urlopen(request, timeout=NEVER).close()
        wait_until(alertmanager.failed_notifications, 30, "the failure is in the log", lambda: alertmanager.log)


class ScaleTests(unittest.TestCase):
    def test_durations(self):
        for text, scaled in (("2m", "6000ms"), ("1h30m", "270000ms"), ("30s", "1500ms"), ("1s", "500ms"), ("0s", "0s")):
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

    def test_unscaled(self):
        self.assertEqual(Scale(1).promql("rate(a[5m] offset 1h)"), "rate(a[5m] offset 1h)")


@unittest.skipUnless(AVAILABLE and ALERTMANAGER, "needs an engine and Alertmanager")
class Alerting(unittest.TestCase):
    """One stack a test. Tests say which alerts may fire, and no other may, at any time, not even silenced."""

    # The name of the account, where it comes from a file.
    account = None

    def setUp(self):
        self.folder = pathlib.Path(self.enterContext(tempfile.TemporaryDirectory()))
        # The alerts to note in the table.
        self.told = []

    def start(self, instances=6, factor=FACTOR, **options):
        """A stack that watches one simulated account."""
        self.watch(self.enterContext(Simulator(instances)), factor, **options)

    def watch(self, api, factor=FACTOR, **options):
        """A stack that watches this API."""
        self.api = api
        self.run_stack({self.account: api} if self.account else api, factor, **options)

    def run_stack(self, apis, factor=FACTOR, **options):
        """A stack that watches one API, or several by the names of their accounts."""
        self.stack = self.enterContext(Stack(self.folder, factor))
        if isinstance(apis, dict):
            self.file = self.folder / "accounts.yml"
            self.write_accounts(apis)
            self.stack.start(None, f"--config.file={self.file}", token=None, **options)
        else:
            self.stack.start(apis.base_url, token=apis.token, **options)
        wait_until(
            lambda: self.stack.query("account:hypersender_up:max == 1"), 30 + 60 / factor, "rules have been evaluated", self.stack.state)

    def write_accounts(self, apis):
        entries = []
        for name, api in apis.items():
            (self.folder / f"{name}.token").write_text(api.token)
            entries.append({
                "name": name, "token_file": f"{name}.token", "base_url": api.base_url,
                **{f"poll_{key}": value for key, value in polls(self.stack.factor).items()}})
        self.file.write_text(yaml.safe_dump({"accounts": entries}))

    # Labels

    def account_labels(self, name, account=None):
        """All labels that an alert of account scope has."""
        rule = shipped_alerts()[name]["labels"]
        account = account or self.account
        return {"alertname": name, "job": JOB, "severity": rule["severity"], "scope": "account"} | ({"account": account} if account else {})

    def instance_labels(self, name, instance, account=None, **more):
        """All labels that an alert of instance scope has."""
        labels = {"scope": "instance", "instance_id": instance["id"], "instance_name": instance["name"]}
        return self.account_labels(name, account) | labels | more

    def exporter_labels(self, name, **more):
        rule = shipped_alerts()[name]["labels"]
        return {"alertname": name, "job": JOB, "severity": rule["severity"], "scope": "exporter", "instance": self.stack.target} | more

    # Waiting

    def page(self, labels, since, contains=(), patience=PATIENCE, fault=None):
        """Waits for the page with just these labels, judges it, prints how long it took and notes it for the table."""
        told = lambda: [n for n in self.stack.notifications if n.status == "firing" and n.labels == labels]
        wait_until(told, patience, f"a page about {labels}", self.stack.state)
        notification = told()[0]
        self.judge(notification, contains)
        seconds = notification.at - since
        shipped = seconds * self.stack.factor
        print(
            f"{seconds:5.1f} s from the change to the page, {shipped:.0f} s as shipped, with `for: {shipped_alerts()[labels['alertname']].get('for', '0s')}`: "
            f"{labels['alertname']} to {notification.receiver} [{self.id().split('.', 1)[1]}]", file=sys.stderr, flush=True)
        self.told.append((fault, labels["alertname"], notification.receiver, shipped))
        return notification

    def judge(self, notification, contains):
        """Annotations say where, and are complete."""
        labels, annotations = notification.labels, notification.annotations
        self.assertEqual(set(annotations), {"summary", "description", "action", "runbook_url", "dashboard_url"})
        name = labels["alertname"]
        self.assertRegex(annotations["runbook_url"], rf"^https?://[^#]+#{name.lower()}$")
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
        """Waits until the engine has samples for an expression."""
        return wait_until(lambda: self.stack.query(expression), seconds, what, self.stack.state)

    def seen_working(self):
        """Waits until rules know that all instances were linked."""
        ago = Scale(self.stack.factor).duration("10m")
        self.seen(f"hypersender_instance_up offset {ago} == 1", "instances have worked for a while", 30 + 600 / self.stack.factor)

    # Judgements at the end

    def check_nothing_else(self, *expected, silenced=()):
        """All that has ever fired are these alerts, and the webhook was told of the same but for the silenced."""
        as_set = lambda alerts: {frozenset(labels.items()) for labels in alerts}
        self.stack.evaluated(3)
        ever, told = self.stack.engine.ever("firing"), as_set(n.labels for n in self.stack.notifications)
        self.note(as_set(expected), ever, told)
        self.assertEqual(self.stack.engine.unhealthy_rules(), [], self.stack.state())
        self.assertEqual(ever, as_set(expected) | as_set(silenced), self.stack.state())
        self.assertEqual(told, as_set(expected), self.stack.state())
        # Told once each, and ended once each: nothing went and came.
        for labels in expected:
            starts = {n.starts for n in self.stack.notifications if n.labels == labels}
            self.assertEqual(len(starts), 1, self.stack.state())
        for text in self.stack.receivers.texts:
            self.assertNotRegex(text, r"\{\{|<error|<no value>|%!")
        # Chats and mails are sent alike.
        self.assertEqual(self.stack.alertmanager.failed_notifications(), [], self.stack.alertmanager.log)

    def note(self, expected, ever, told):
        """Puts what this test's faults led to into the table."""
        faults = getattr(getattr(self, self._testMethodName), "faults", ())
        names = lambda alerts: {dict(labels)["alertname"] for labels in alerts}
        for fault in faults:
            # Of several faults in one test, each has what was noted under its name.
            mine = [(name, receiver, seconds) for of, name, receiver, seconds in self.told if of == fault or (len(faults) == 1 and of is None)]
            fault_table.add(
                fault, fired={name for name, _, _ in mine} if len(faults) > 1 else names(ever), told=mine,
                silenced=names(ever) - names(told) if len(faults) == 1 else (), false=names(told - expected))

    def one_page_only(self, labels):
        told = [n for n in self.stack.notifications if n.labels == labels]
        self.assertEqual([n.status for n in told], ["firing"], self.stack.state())


class WithAccount:
    """The same with accounts from a file, which have a label."""

    account = "acme"


class Instances(Alerting):
    @scenario("QR code wanted", "instance failed")
    def test_states_blips_and_a_restart(self):
        self.start()
        instances = self.api.instances()
        # Blips: each is seen by a rule, so that there is something to fire for.
        for place, status in enumerate(("STARTING", "STOPPED", "PENDING", "FAILED")):
            self.blip(place, status)
        blip = frozenset(self.instance_labels("HypersenderInstanceFailed", instances[3]).items())
        wait_until(lambda: blip in self.stack.engine.ever("pending"), 15, "a rule saw the last blip", self.stack.state)
        self.assertEqual(self.stack.engine.ever("firing"), set())

        self.seen_working()
        start = time.monotonic()
        self.api.set(4, "SCAN_QR_CODE")
        scan = self.instance_labels("HypersenderInstanceNeedsQRScan", instances[4])
        page = self.page(scan, start, ["QR scan"], fault="QR code wanted")

        # A plain restart: it neither ends the alert, nor tells anything anew, nor fires by itself.
        began = self.active_since(scan)
        self.stack.restart_exporter()
        self.stack.evaluated(12)
        self.assertEqual(self.active_since(scan), began)
        self.one_page_only(scan)

        # The codes run out: the same incident.
        self.api.set(4, "FAILED")
        start = time.monotonic()
        self.api.set(5, "FAILED")
        failed = self.instance_labels("HypersenderInstanceFailed", instances[5])
        self.page(failed, start, ["FAILED"], fault="instance failed")
        self.stack.evaluated(6)
        self.assertEqual(self.active_since(scan), began)
        # Told again, as part of a group that has grown, but as what it was.
        self.assertEqual({(n.status, n.starts) for n in self.stack.notifications if n.labels == scan}, {("firing", page.starts)})

        start = time.monotonic()
        self.api.set(4, "WORKING")
        self.api.set(5, "WORKING")
        self.resolved(scan, start)
        self.resolved(failed, start)
        self.check_nothing_else(scan, failed)

    def blip(self, place, status):
        """Lets one poll see a status."""
        self.api.set(place, status)
        self.seen(f'hypersender_instance_status{{status="{status}"}} == 1', f"a blip of {status}")
        self.api.set(place, "WORKING")
        wait_until(
            lambda: not self.stack.query('hypersender_instance_status{status!="WORKING"} == 1'), 15, "the blip is over", self.stack.state)

    def active_since(self, labels):
        (alert,) = [a for a in self.stack.engine.alerts() if a["labels"] == labels]
        self.assertEqual(alert["state"], "firing")
        return alert["activeAt"]


class InstancesOfAnAccount(WithAccount, Instances):
    pass


class FirstScan(Alerting):
    def test_never_linked(self):
        """A new number that waits for its first scan wakes nobody."""
        self.start()
        self.api.control("POST", "instances", count=1)
        start = time.monotonic()
        self.api.set(6, "SCAN_QR_CODE")
        labels = self.instance_labels("HypersenderInstanceNotLinked", self.api.instances()[6])
        self.page(labels, start)
        start = time.monotonic()
        self.api.set(6, "WORKING")
        self.resolved(labels, start)
        self.check_nothing_else(labels)


class Lasting(Alerting):
    @scenario("instance stopped", "instance stuck starting", "instance stuck pending", "instance flapping")
    def test_states_that_last(self):
        self.start(instances=10)
        stopped, starting, pending, flapping = instances = self.api.instances()[:4]
        start = time.monotonic()
        for place, status in enumerate(("STOPPED", "STARTING", "PENDING")):
            self.api.set(place, status)
        since_flapping = time.monotonic()
        for status in ("STARTING", "WORKING") * 4:
            self.api.set(3, status)
            self.seen(
                f'hypersender_instance_status{{instance_id="{flapping["id"]}", status="{status}"}} == 1', f"{status} of one that flaps")
        stopped = self.instance_labels("HypersenderInstanceStopped", stopped)
        stuck = {
            status: self.instance_labels("HypersenderInstanceStuck", instance, status=status)
            for status, instance in (("STARTING", starting), ("PENDING", pending))}
        flaps = self.instance_labels("HypersenderInstanceFlapping", flapping)
        self.page(flaps, since_flapping, fault="instance flapping")
        self.page(stuck["STARTING"], start, ["STARTING"], fault="instance stuck starting")
        self.page(stuck["PENDING"], start, ["PENDING"], fault="instance stuck pending")
        self.page(stopped, start, ["STOPPED"], PATIENCE_FOR_INFO, fault="instance stopped")
        start = time.monotonic()
        for place in range(len(instances)):
            self.api.set(place, "WORKING")
        for labels in stuck.values():
            self.resolved(labels, start)
        self.check_nothing_else(stopped, flaps, *stuck.values())


class Healthy(Alerting):
    @scenario("exporter restarted")
    def test_nothing_fires(self):
        """A quarter of an hour, in this time, with all that a healthy account shows: blips, a new instance, a restart."""
        self.start(instances=12)
        for place, status in enumerate(("STARTING", "STOPPED", "PENDING") * 3):
            self.api.set(place, status)
            requests = self.requests()
            wait_until(lambda: self.requests() > requests, 10 + 60 / FACTOR, "a poll")
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

    def fails(self, name, contains=(), kind="status", api=None, **parameters):
        self.watch(api or self.enterContext(Simulator()))
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

    @scenario("API answers 401")
    def test_unauthorized(self):
        self.fails("HypersenderUnauthorized", ["Enterprise"], status=401)

    @scenario("API answers 403 with a page")
    def test_blocked(self):
        """A page of a CDN says nothing about the key."""
        self.fails("HypersenderPollsFailing", ["blocked"], "challenge_page", self.enterContext(BrokenAPI()))

    @scenario("API answers 429")
    def test_rate_limited(self):
        self.fails("HypersenderRateLimited", ["429"], status=429, retry_after=2)

    @scenario("API hangs")
    def test_hanging(self):
        self.fails("HypersenderPollsFailing", ["timeout"], kind="hang")

    @scenario("list incomplete")
    def test_incomplete(self):
        self.fails("HypersenderPollsFailing", ["incomplete"], "fewer_than_the_total", self.enterContext(BrokenAPI()))

    @scenario("API answers 500")
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
        stuck = self.instance_labels("HypersenderInstanceStuck", instance, status="STARTING")
        wait_until(lambda: frozenset(stuck.items()) in self.stack.engine.ever("firing"), PATIENCE, "the engine's alert", self.stack.state)
        # Longer than the group_wait of a warning.
        self.stack.evaluated(14)
        start = time.monotonic()
        self.api.set(2, "WORKING")
        self.api.recover()
        self.resolved(failing, start)
        self.check_nothing_else(failing, silenced=[stuck])


class Clocks(Alerting):
    """An exporter whose clock is wrong is judged as one whose clock is right."""

    def is_judged_alike(self, clock):
        self.start(clock=clock)
        # One failed poll is no outage.
        self.api.fail("status", status=500, count=1)
        self.seen("hypersender_up == 0", "a failed poll")
        self.seen("hypersender_up == 1", "the next poll")
        start = time.monotonic()
        self.api.fail("status", status=401)
        labels = self.account_labels("HypersenderUnauthorized")
        self.page(labels, start)
        self.api.recover()
        self.resolved(labels, start)
        self.check_nothing_else(labels)

    @scenario("exporter's clock 1 h fast")
    def test_fast(self):
        self.is_judged_alike(3600)

    @scenario("exporter's clock 1 h slow")
    def test_slow(self):
        self.is_judged_alike(-3600)


class EngineRestarted(Alerting):
    @scenario("engine restarted")
    def test_restarted(self):
        """An alert that fires goes on, and one that was about to fire does."""
        self.start()
        instances = self.api.instances()
        failed = self.instance_labels("HypersenderInstanceFailed", instances[3])
        stuck = self.instance_labels("HypersenderInstanceStuck", instances[4], status="STARTING")
        start = time.monotonic()
        self.api.set(3, "FAILED")
        self.api.set(4, "STARTING")
        self.page(failed, start)
        self.assertIn(frozenset(stuck.items()), self.stack.engine.ever("pending"))
        self.stack.restart_engine()
        self.page(stuck, start)
        self.one_page_only(failed)
        start = time.monotonic()
        self.api.set(3, "WORKING")
        self.api.set(4, "WORKING")
        self.resolved(failed, start)
        self.resolved(stuck, start)
        self.check_nothing_else(failed, stuck)


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
        self.assertIn(failed, [a["labels"] for a in self.stack.engine.alerts() if a["state"] == "firing"])
        start = time.monotonic()
        self.api.recover()
        self.resolved(failing, start)
        self.resolved(failed, start)
        # See Order.
        self.assertLessEqual(self.last_fired(failing), self.last_fired(failed), "the instance's alert ends before the account's")
        self.check_nothing_else(failed, failing)

    def last_fired(self, labels):
        """The time at which Prometheus last found that it fires."""
        return self.stack.engine.last_sample(f'ALERTS{{alertstate="firing",alertname="{labels["alertname"]}"}}')


class OutageWithAnInstanceOfAnAccount(WithAccount, OutageWithAnInstance):
    pass


class ExporterKilled(Alerting):
    @scenario("exporter killed")
    def test_killed(self):
        self.start()
        instance = self.api.instances()[3]
        self.seen_working()
        start = time.monotonic()
        self.api.set(3, "SCAN_QR_CODE")
        scan = self.instance_labels("HypersenderInstanceNeedsQRScan", instance)
        self.page(scan, start, fault="QR code wanted")
        start = time.monotonic()
        self.stack.exporter.kill()
        down = self.exporter_labels("HypersenderExporterDown", extent="all")
        self.page(down, start, fault="exporter killed")
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

    factor = FACTOR * 1.5

    @scenario("instances vanished")
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

    @scenario("all instances vanished")
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


class Shards(Alerting):
    """Two exporters divide four accounts."""

    def start_shards(self, watched=None):
        self.apis = {name: self.enterContext(Simulator(2, seed)) for seed, name in enumerate(("acme", "globex", "initech", "umbrella"), 1)}
        self.run_stack(self.apis, shards=2, watched=watched)
        page = self.stack.exporters[1].request("/metrics").body.decode()
        self.missing = sorted(set(re.findall(r'^hypersender_up\{account="(\w+)"\}', page, re.MULTILINE)))
        self.assertTrue(self.missing and len(self.missing) < 4, page[-3000:])
        # Older exporters tell nothing of shards.
        self.tells_shards = "hypersender_exporter_shards" in page
        unwatched = 4 - (0 if watched is None else len(self.missing))
        self.seen(f"count(account:hypersender_up:max == 1) == {unwatched}", "all accounts are up")

    def shard_labels(self):
        labels = self.exporter_labels("HypersenderShardMissing")
        # About what is not there.
        del labels["instance"]
        return labels

    @scenario("target vanished")
    def test_vanished(self):
        """A target leaves the service discovery, as a pod does that cannot be scheduled."""
        self.start_shards()
        # A rollout, which adds targets for a while, is told from a target that is missing by what was there before.
        ago = Scale(self.stack.factor).duration("20m")
        self.seen(
            f"min_over_time(job:up:count[{ago}]) == 2 and job:up:count offset {ago}", "both targets have been there for long", 30 + 1200 / FACTOR)
        # Not from the change of the file on, which the engine takes its time to see.
        self.stack.watch(0)
        self.seen("count(up) == 1", "one target is gone")
        start = time.monotonic()
        accounts = [self.account_labels("HypersenderAccountUnwatched", account) for account in self.missing]
        expected = [self.shard_labels()] if self.tells_shards else accounts
        for labels in expected:
            self.page(labels, start)
        self.stack.evaluated(12)
        start = time.monotonic()
        self.stack.watch(0, 1)
        for labels in expected:
            self.resolved(labels, start)
        self.check_nothing_else(*expected, silenced=accounts if self.tells_shards else ())

    @scenario("all targets vanished")
    def test_all_vanished(self):
        """One page, not one an account."""
        self.start_shards()
        self.stack.watch()
        self.seen("absent(up)", "both targets are gone")
        start = time.monotonic()
        rule = shipped_alerts()["HypersenderExporterAbsent"]["labels"]
        absent = {"alertname": "HypersenderExporterAbsent", "severity": rule["severity"], "scope": "exporter"}
        self.page(absent, start)
        self.stack.evaluated(6)
        start = time.monotonic()
        self.stack.watch(0, 1)
        self.resolved(absent, start)
        self.check_nothing_else(absent)

    @scenario("shard missing")
    def test_never_started(self):
        self.start_shards(watched=[0])
        if not self.tells_shards:
            self.skipTest("this exporter has no hypersender_exporter_shards")
        start = time.monotonic()
        labels = self.shard_labels()
        self.page(labels, start)
        start = time.monotonic()
        self.stack.watch(0, 1)
        self.resolved(labels, start)
        self.check_nothing_else(labels)


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
