"""The time from a change to the page, as latency.py computes it: within bounds, and as deploy/prometheus/README.md tells it."""

import re
import unittest

import latency
from exporter import TOP

README = TOP / "deploy/prometheus/README.md"

# Seconds, Alertmanager's group_wait included.
BOUNDS = {"InstanceNeedsQRScan": 120, "InstanceFailed": 180, "Unauthorized": 180, "PollsFailing": 180, "ExporterDown": 240}
# Alerts that wait for the service discovery, which has its own time.
OF_DISCOVERY = {"ExporterAbsent", "ShardMissing", "AccountUnwatched"}


class Shipped(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.settings = latency.Settings()
        cls.latencies = latency.latencies(cls.settings)

    def test_a_page_comes_in_time(self):
        for found in self.latencies:
            if found.alert in BOUNDS:
                with self.subTest(alert=found.alert, after=found.change):
                    self.assertLessEqual(found.worst, BOUNDS[found.alert])
        self.assertLessEqual(set(BOUNDS), {found.alert for found in self.latencies})

    def test_a_scan_is_asked_for_within_90_seconds_in_the_median(self):
        """Codes run out after some 160 s."""
        (scan,) = [found for found in self.latencies if found.alert == "InstanceNeedsQRScan"]
        self.assertLessEqual(scan.quantile(0.5), 90)

    def test_the_worst_case_is_that_of_the_runs(self):
        for found in self.latencies:
            with self.subTest(alert=found.alert, after=found.change):
                self.assertLessEqual(found.runs[-1], found.worst)
                self.assertGreater(found.runs[-1], found.worst - 5, "nearly reached")
                self.assertLess(found.worst, found.worst_in_open_group)

    def test_every_critical_alert_is_judged(self):
        critical = {name.removeprefix("Hypersender") for name, rule in self.settings.rules.items() if rule["labels"]["severity"] == "critical"}
        self.assertEqual(critical - {found.alert for found in self.latencies}, OF_DISCOVERY)

    def test_readme_tells_it(self):
        (told,) = re.findall(r"<!-- latency -->\n(.*?)\n<!-- /latency -->", README.read_text(), re.DOTALL)
        self.assertEqual(told, latency.table(self.settings), "run Tests/EndToEnd/latency.py")

    def test_the_front_page_tells_it(self):
        front = (TOP / "README.md").read_text().split("**How long until you are told.**", 1)[1].split("\n\n", 1)[0]
        for alert in ("InstanceNeedsQRScan", "InstanceFailed"):
            (found,) = [each for each in self.latencies if each.alert == alert]
            self.assertIn(latency.text(found.quantile(0.5)), front)
            self.assertIn(latency.text(found.worst, True), front)


class Model(unittest.TestCase):
    """Against times worked out by hand."""

    def setUp(self):
        self.settings = latency.Settings()
        for name, value in {
            "poll_interval": 30, "poll_timeout": 10, "stale_after": 90, "jitter": 0.05, "backoff_jitter": 0.1, "longest_backoff": 300,
            "scrape_interval": 15, "scrape_timeout": 10, "evaluation_interval": 15, "blind_intervals": 1.5,
        }.items():
            setattr(self.settings, name, value)

    def test_until_it_can_be_seen(self):
        shortest, longest = (lambda: 0), (lambda: 1)
        hanging = latency.failing(lambda settings: settings.poll_timeout)
        for until, draw, time in (
            (latency.polled, shortest, 1),
            (latency.polled, longest, 32.5),
            # Two failures, 30 s apart, the first right after the change.
            (latency.failing(), shortest, 31),
            (latency.failing(), longest, 31.5 + 33 + 1),
            (hanging, shortest, 40),
            (hanging, longest, 31.5 + 33 + 10),
            # The data is stale before the second failure.
            (latency.failing(retry=900), shortest, 61),
            (latency.failing(retry=900), longest, 91),
            (latency.at_once, longest, 0),
            (latency.scrape_hangs, longest, 10),
        ):
            with self.subTest(until=until, draw=draw()):
                self.assertAlmostEqual(until(self.settings, draw), time)

    def test_one_failure_is_no_outage_unless_it_lasts(self):
        self.settings.blind_intervals = 1.2
        self.assertAlmostEqual(latency.failing()(self.settings, lambda: 1), 31.5 + 33 + 1)
        self.assertAlmostEqual(latency.failing(lambda settings: 10)(self.settings, lambda: 1), 31.5 + 10)

    def test_failures_are_further_and_further_apart(self):
        self.assertEqual([self.settings.backoff(failures, lambda: 0) for failures in range(6)], [30, 60, 120, 240, 300, 300])
        self.assertEqual(self.settings.backoff(0, lambda: 1), 33)

    def test_for_is_counted_in_evaluations(self):
        for text, time in (("0s", 0), ("15s", 15), ("20s", 30), ("1m30s", 90)):
            with self.subTest(text):
                self.settings.rules = {"HypersenderExporterDown": {"for": text}}
                self.assertAlmostEqual(latency.firing(self.settings, ("ExporterDown", "", latency.at_once), lambda: 0), time)

    def test_texts(self):
        for time, nearest, up in ((0, "0s", "0s"), (62.4, "1m", "1m5s"), (90, "1m30s", "1m30s"), (3599, "1h", "1h"), (3661, "1h1m", "1h1m5s")):
            with self.subTest(time):
                self.assertEqual((latency.text(time), latency.text(time, True)), (nearest, up))


if __name__ == "__main__":
    unittest.main()
